import { setTimeout as delay } from 'node:timers/promises';
import type { EventSource } from '@portico/contracts/events/change-event.ts';
import type { SourceWriter } from '../hub/event-hub.ts';
import { type EventTracing, traceRecords } from '../hub/trace-records.ts';
import { Backlog } from './backlog.ts';
import type { SourceCaptureMetrics } from './capture-metrics.ts';
import { bytesOf, type Captured, type CapturedTransaction } from './captured.ts';
import { openLogicalStream } from './logical-stream.ts';
import { freeSlot, type LogIdentity, logOf, slotName } from './slot.ts';
import { publication, type SourceDatabase } from './source-database.ts';
import { resnapshotCure, SourceProblem } from './source-problem.ts';
import { toRecords } from './to-records.ts';
import { createTransactionReader } from './transaction-reader.ts';

/** Somebody waits to take a new snapshot of the source. */
export class SnapshotAsked extends Error {
  override name = 'SnapshotAsked';
}

export interface FollowOptions {
  readonly source: EventSource;
  readonly databaseUrl: string;
  readonly database: SourceDatabase;
  readonly identity: LogIdentity;
  /** What the hub has; nothing up to it is given to the hub again. */
  readonly storedAt: bigint;
  readonly writer: SourceWriter;
  readonly metrics: SourceCaptureMetrics;
  readonly tracing?: EventTracing;
  readonly onNotUnderstood: (error: unknown, table: string) => void;
  readonly onStored: () => void;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
}

/** The server ends a connection that says nothing for wal_sender_timeout (a minute), also while the hub takes nothing. */
const statusMs = 5_000;

/**
 * Takes transactions from the slot to the hub, in the order of their commits, until something fails or `signal` aborts. A
 * transaction is appended once every new snapshot on the primary sees it, and acknowledged once the hub has stored it.
 * @throws whatever ended it; a SourceProblem where trying again is of no use.
 */
export async function followSlot(options: FollowOptions): Promise<never> {
  const { source, databaseUrl, database, identity, onNotUnderstood } = options;
  await freeSlot(source.source, database, options.signal);
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const backlog = new Backlog();
  let storedAt = options.storedAt;
  let nextXid = (await database.heartbeat(identity.fingerprint)).nextXid;

  const read = createTransactionReader({
    source,
    idPrefix: `${identity.systemId}.${identity.timeline}.${identity.generation}`,
    nearXid: () => nextXid,
    onNotUnderstood,
  });
  const receive = (captured: Captured | undefined) => {
    // What was sent again after a break, because it was stored but not acknowledged.
    if (captured === undefined || captured.at <= storedAt) return undefined;
    return backlog.add(captured);
  };
  const stream = openLogicalStream({
    databaseUrl,
    slot: slotName(source.source),
    publication,
    onMessage: (message) => receive(read(message)),
  });

  async function storeAll(): Promise<never> {
    for (;;) {
      const waiting = await backlog.first();
      signal.throwIfAborted();
      const batch = waiting.slice(0, await visibleFirst(database, waiting));
      const last = batch.at(-1);
      if (last === undefined) {
        await delay(2, undefined, { signal });
        continue;
      }
      await store(options, batch, last.at);
      storedAt = last.at;
      stream.acknowledge(storedAt);
      backlog.drop(batch.length);
      options.onStored();
    }
  }

  async function beat(): Promise<never> {
    for (;;) {
      const { fingerprint, isAsked, nextXid: next } = await database.heartbeat(identity.fingerprint);
      if (fingerprint !== identity.fingerprint) {
        const message = 'the publication, or one of its tables, was changed or made anew';
        throw new SourceProblem(message, resnapshotCure(source.source));
      }
      if (isAsked) throw new SnapshotAsked(`a new snapshot of ${source.source} is asked for`);
      nextXid = next;
      await delay(options.heartbeatMs, undefined, { signal });
    }
  }

  const status = setInterval(() => stream.acknowledge(storedAt), statusMs);
  try {
    return await Promise.race([stream.ended, storeAll(), beat()]);
  } catch (error) {
    options.signal.throwIfAborted();
    throw streamProblem(source.source, error);
  } finally {
    ending.abort();
    clearInterval(status);
    await stream.close();
  }
}

/** How many of these can be appended, from the first on: as far as everybody sees the transactions. */
async function visibleFirst(database: SourceDatabase, waiting: readonly Captured[]): Promise<number> {
  const transactions = waiting.filter((item): item is CapturedTransaction => item.kind === 'transaction');
  if (transactions.length === 0) return waiting.length;
  const visible = await database.visible(transactions.map(({ xid }) => xid));
  const hidden = transactions[visible];
  return hidden === undefined ? waiting.length : waiting.indexOf(hidden);
}

/** One append. The latest progress speaks of all that is appended with it, so it takes the offset of the last. */
async function store(
  { source, identity, writer, metrics, tracing }: FollowOptions,
  batch: readonly Captured[],
  end: bigint,
) {
  const log = logOf(identity);
  const transactions = batch
    .filter((item) => item.kind === 'transaction')
    .map((transaction) => ({ ...transaction, source: source.source }));
  const progress = batch.findLast((item) => item.kind === 'progress');
  const said = progress && {
    offset: { log, at: String(end) },
    xmin: progress.xmin,
    committedAt: progress.committedAt,
  };
  const workOf = ({ readAt }: CapturedTransaction) => ({ operation: 'capture', startedAt: readAt }) as const;
  const records = await traceRecords(tracing, workOf, transactions, async (own) => {
    const told = own.flatMap((transaction) => toRecords(source.source, log, transaction));
    await writer.append(told, said);
    return told;
  });
  metrics.stored({
    records: records.length,
    events: records.reduce((sum, { events }) => sum + events.length, 0),
    bytes: batch.reduce((sum, item) => sum + bytesOf(item), 0),
    committedAt: progress?.committedAt,
  });
}

/** What the server says of a slot or publication that was taken away under way. */
function streamProblem(source: string, error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  const isGone = code === '42704' && /publication/.test(String(message));
  const isLost = code === '55000' && /slot/.test(String(message));
  return isGone || isLost ? new SourceProblem(String(message), resnapshotCure(source)) : error;
}
