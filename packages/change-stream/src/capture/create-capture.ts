import { setTimeout as delay } from 'node:timers/promises';
import type { EventSource } from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createRandomHex } from '@portico/runtime/random-hex.ts';
import type { EventHub, SourceWriter } from '../hub/event-hub.ts';
import { type EventTracing, traceAppends } from '../hub/trace-records.ts';
import type { PersonalKeys } from '../personal/personal-keys.ts';
import { sealAppends } from '../personal/seal-appends.ts';
import { isPostedLog } from '../post/to-append.ts';
import type { CaptureStateName, SourceCaptureMetrics } from './capture-metrics.ts';
import { checkSource } from './check-source.ts';
import { followSlot, SnapshotAsked } from './follow-slot.ts';
import { checkSlot, isUnfinishedSnapshot } from './slot.ts';
import { forgottenIn, isAskedSql, openSourceDatabase, type SourceDatabase } from './source-database.ts';
import { connectionProblem, SourceProblem } from './source-problem.ts';
import { takeSnapshot } from './take-snapshot.ts';

export interface CaptureOptions {
  readonly source: EventSource;
  /** Of the source's primary, with a role that may replicate and read the published tables. */
  readonly databaseUrl: string;
  readonly hub: Pick<EventHub, 'writer'>;
  /** What personal fields are encrypted with; they are withheld when left out. */
  readonly personalKeys?: PersonalKeys | undefined;
  readonly log: Logger;
  readonly metrics: SourceCaptureMetrics;
  /** Records what is captured of traces; nothing is recorded when left out. */
  readonly tracing?: EventTracing;
  /** How often the source's log says how far it is. */
  readonly heartbeatMs?: number;
  /** How long after a failure it is tried again; what is stopped is looked at again as often. */
  readonly retryMs?: number;
  /** Makes the random part of a log's name. */
  readonly newGeneration?: () => string;
}

export interface CaptureState {
  readonly name: CaptureStateName;
  /** What is wrong, and what to do, where it is stopped or away. */
  readonly problem?: string;
}

/** Capture of one source; it goes on until `close`, whatever fails meanwhile. */
export interface Capture {
  readonly source: string;
  readonly state: CaptureState;
  /** Resolves when nothing is held any more, neither at the source nor at the hub. */
  close(): Promise<void>;
}

/** Another one captures the source when its place isn't free within that. */
const standbyMs = 1_000;

/**
 * Brings what a source commits into the hub:
 *  1. Wait until nobody else does it.
 *  2. Check that nothing can be left out: the server, the publication, and that the slot begins where the hub ends.
 *  3. A source that is new to the hub begins with a snapshot.
 *  4. Follow the slot. When that fails, begin at 1: what was acknowledged is stored, and all else comes again.
 * Where something could have been left out it is stopped: nothing goes on until somebody has seen to it.
 */
export function createCapture(options: CaptureOptions): Capture {
  const { source, hub, log, metrics, tracing, retryMs = 1_000 } = options;
  const closing = new AbortController();
  const { signal } = closing;
  let state: CaptureState = { name: 'starting' };

  function enter(name: CaptureStateName, problem?: string): void {
    if (state.name === name && state.problem === problem) return;
    state = problem === undefined ? { name } : { name, problem };
    metrics.state(name);
    const level = name === 'stopped' ? 'error' : name === 'away' ? 'warn' : 'info';
    log[level]({ source: source.source, ...(problem && { problem }) }, `capture is ${name}`);
  }

  async function takePlace(): Promise<SourceWriter> {
    const timer = setTimeout(() => enter('standby'), standbyMs);
    const writer = await hub.writer(source.source, signal).finally(() => clearTimeout(timer));
    return traceAppends(writer, tracing);
  }

  async function once(): Promise<void> {
    const writer = await takePlace();
    try {
      await withDatabase(options, (database) => capture({ ...options, writer, database, enter, signal }));
    } finally {
      await writer.release().catch(() => {});
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await once().catch((error: unknown) => {
        if (signal.aborted || error instanceof SnapshotAsked) return;
        const problem = error instanceof SourceProblem ? error : connectionProblem(error);
        if (problem !== undefined) return enter('stopped', `${problem.message}; ${problem.cure}`);
        log.warn({ err: error, source: source.source }, 'capture failed and begins again');
        enter('away', `${reasonOf(error)}; it is tried again every ${retryMs} ms`);
      });
      await delay(retryMs, undefined, { signal }).catch(() => {});
    }
  }

  metrics.state(state.name);
  const running = run();
  return {
    source: source.source,
    get state() {
      return state;
    },
    close: async () => {
      closing.abort();
      await running;
    },
  };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || String(error);
}

/** Runs with connections to a source's database that are closed afterwards. */
export async function withDatabase<Result>(
  { source, databaseUrl, log }: Pick<CaptureOptions, 'source' | 'databaseUrl' | 'log'>,
  work: (database: SourceDatabase) => Promise<Result>,
): Promise<Result> {
  const database = await openSourceDatabase(databaseUrl, source.tables, log);
  return work(database).finally(() => database.close());
}

interface Holding extends CaptureOptions {
  readonly writer: SourceWriter;
  readonly database: SourceDatabase;
  readonly enter: (name: CaptureStateName) => void;
  readonly signal: AbortSignal;
}

async function capture(holding: Holding): Promise<never> {
  const { source, databaseUrl, database, log, metrics, enter, heartbeatMs = 250 } = holding;
  const [asked] = await database.query<{ asked: boolean }>(`select ${isAskedSql} as asked`);
  if (asked?.asked) throw new SnapshotAsked(`a new snapshot of ${source.source} is asked for`);
  const server = await checkSource(source, databaseUrl, database);
  const writer = await sealed(holding);

  const onNotUnderstood = (error: unknown, table: string) => {
    metrics.notUnderstood();
    log.error({ err: error, source: source.source, table }, 'a change is not understood');
  };
  const { stored } = writer;
  const isNew = stored === undefined || isUnfinishedSnapshot(stored) || isPostedLog(stored);
  if (isNew) enter('snapshot');
  const newGeneration = holding.newGeneration ?? createRandomHex(6);
  const identity = isNew
    ? await takeSnapshot({ ...holding, writer, server, newGeneration, onNotUnderstood })
    : await checkSlot(source.source, stored, server, database);
  return followSlot({
    ...holding,
    writer,
    identity,
    storedAt: isNew ? 0n : BigInt(stored.at),
    heartbeatMs,
    onNotUnderstood,
    onStored: () => enter('following'),
  });
}

/** The writer that gets no personal text, for a source that was found to be as it must be. */
export function sealed({
  source,
  database,
  personalKeys,
  writer,
}: Pick<Holding, 'source' | 'database' | 'personalKeys' | 'writer'>): Promise<SourceWriter> {
  const { persons } = source;
  const forgotten = persons && (() => forgottenIn(database, persons));
  return sealAppends(writer, { source, keys: personalKeys, forgotten });
}
