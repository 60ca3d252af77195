import { setTimeout as delay } from 'node:timers/promises';
import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import { nameTrace } from '@portico/runtime/commit.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import type { Kysely, Transaction } from 'kysely';
import type { FaultDesk } from '../faults/fault-desk.ts';
import { createFaultMetrics } from '../faults/fault-metrics.ts';
import { type ConsumerCursor, type CursorTables, CursorTaken, tryTakeCursor } from './consumer-cursor.ts';
import { createConsumerFaultDesk } from './consumer-fault-desk.ts';
import { type EventHandling, handleBeside, isPoison, type OpenedFault } from './consumer-faults.ts';
import { type DurableEventHub, type HubRecord, type Position, PositionGone } from './event-hub.ts';
import { type EventTracing, traceRecords } from './trace-records.ts';

export interface DurableConsumerOptions<Tables extends CursorTables> {
  /** The same for all instances, and for ever. */
  readonly name: string;
  readonly hub: DurableEventHub;
  /** The consumer's own database, with the tables of `cursorMigration` and `faultsMigration`. */
  readonly db: Kysely<Tables>;
  /** Whose records it is given; all when left out. Past others the cursor moves now and then, so they cost its database little. */
  readonly sources?: readonly string[];
  /**
   * Does what the records bring about, in their order, in a transaction that moves the cursor as well: whatever happens to
   * the process, it is done once. All else that it does (calls, files) may happen more than once. Where it fails because of an event
   * (`isPoison`) that one is set aside, and it is given the others. After "everything may have changed" it needs none of before.
   */
  readonly handle: (records: readonly HubRecord[], trx: Transaction<Tables>) => Promise<void>;
  /**
   * Makes what the consumer keeps anew, at its first start and when its position is gone. What it reads may be newer than the
   * position that it goes on from, so it is given some records whose effect it has already: `handle` bears that.
   */
  readonly reset: (trx: Transaction<Tables>) => Promise<void>;
  /** What an event is about: those that come after one that is set aside wait behind it. The event's key when left out. */
  readonly unitOf?: (event: ChangeEvent) => string;
  /** Names the code that runs, in the faults that it opens. */
  readonly build?: string;
  readonly metrics?: Metrics | undefined;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Told how far it is: all that a source had said at this time (epoch milliseconds, by the source's clock) is done. */
  readonly onSaid?: (source: string, committedAt: number) => void;
  readonly log: Logger;
  /** Records work on records of a trace; nothing is recorded when left out. */
  readonly tracing?: EventTracing | undefined;
  /** How long an instance stays the active one without a sign of life, by the consumer's database. */
  readonly leaseMs?: number;
}

const longestPauseMs = 10_000;
const registerEveryMs = 10_000;
const passEveryMs = 5_000;

/**
 * Follows the hub from where the consumer is, until the signal aborts. Of several instances one is active, the others take
 * over. An event that is not understood is set aside (`faultsOf`). Any other failure stops it there: it is logged and tried again, with
 * growing pauses, and nothing is skipped.
 *  1. Wait for the place in the consumer's database.
 *  2. Without a position, or when it is gone: `reset`, and go on from the end that the log had before.
 *  3. Follow; each batch of records in one transaction with the cursor.
 *  4. After any failure: pause, and begin again at 1.
 */
export async function runDurableConsumer<Tables extends CursorTables>(
  options: DurableConsumerOptions<Tables>,
  signal: AbortSignal,
): Promise<void> {
  const { name, log, metrics, leaseMs = 2_000 } = options;
  const db = options.db as unknown as Kysely<CursorTables>;
  const faultMetrics = metrics && createFaultMetrics(metrics, name, () => countFaults(db, name));
  let failures = 0;
  const succeed = () => {
    failures = 0;
  };
  while (!signal.aborted) {
    try {
      await beActive(options, leaseMs, succeed, () => faultMetrics?.opened(), signal);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      log.error({ err: error, consumer: name, failures }, 'a consumer of the hub stopped, and tries again');
    }
    await pause(failures === 0 ? leaseMs / 4 : Math.min(100 * 2 ** failures, longestPauseMs), signal);
  }
}

/** Steps 1 to 3; comes back when another instance is active, or at the end. */
async function beActive<Tables extends CursorTables>(
  options: DurableConsumerOptions<Tables>,
  leaseMs: number,
  succeed: () => void,
  onFault: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { name, hub, log } = options;
  // What is done with the cursor alone needs none of the consumer's own tables.
  const db = options.db as unknown as Kysely<CursorTables>;
  const cursor = await tryTakeCursor(db, name, leaseMs);
  if (cursor === undefined) return;
  const holding = setInterval(() => void cursor.hold().catch(() => {}), leaseMs / 4);
  try {
    let position = cursor.position ?? (await resetAt(options, cursor));
    while (!signal.aborted) {
      try {
        await follow(options, cursor, position, succeed, onFault, signal);
      } catch (error) {
        if (!(error instanceof PositionGone)) throw error;
        log.warn({ err: error, consumer: name }, 'a consumer of the hub makes its data anew');
        await hub.forget(name);
        position = await resetAt(options, cursor);
      }
    }
  } catch (error) {
    if (!(error instanceof CursorTaken)) throw error;
    log.warn({ consumer: name }, error.message);
  } finally {
    clearInterval(holding);
    await cursor.release().catch(() => {});
  }
}

/** Step 2. */
async function resetAt<Tables extends CursorTables>(
  { name, hub, reset }: DurableConsumerOptions<Tables>,
  cursor: ConsumerCursor,
): Promise<Position> {
  const { epoch, last } = await hub.range();
  // The record at the end tells the log from one that was put back to an older copy.
  const [end] = last === 0 ? [] : await hub.read({ epoch, number: last - 1 }, 1);
  const position = { epoch, number: last, mark: end?.mark };
  await hub.keepFor(name, position);
  await cursor.move(position, async (trx) => {
    await trx.deleteFrom('hub_faults').where('consumer', '=', name).execute();
    await reset(trx as unknown as Transaction<Tables>);
  });
  return position;
}

/** Step 3. */
async function follow<Tables extends CursorTables>(
  options: DurableConsumerOptions<Tables>,
  cursor: ConsumerCursor,
  from: Position,
  succeed: () => void,
  onFault: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { name, hub, sources, onSaid, log, tracing } = options;
  const handling = handlingOf(options);
  let registered = performance.now();
  let moved = registered;
  await hub.keepFor(name, from);
  /** Gives the position if the cursor moved. */
  const move = async (records: readonly HubRecord[]) => {
    const end = records.at(-1);
    const wanted = records.filter(({ source }) => sources?.includes(source) ?? true);
    if (end === undefined || (wanted.length === 0 && performance.now() - moved < passEveryMs)) return;
    const position = { epoch: from.epoch, number: end.number, mark: end.mark };
    const work = { operation: 'process', consumer: name } as const;
    await traceRecords(
      tracing,
      () => work,
      wanted,
      async (own) => {
        const work = async (isOneByOne: boolean) => {
          let opened: readonly OpenedFault[] = [];
          await cursor.move(position, async (trx, hasFaults) => {
            // One more round trip, so only where somebody looks.
            const trace = tracing && onlyTrace(own);
            if (trace !== undefined) await nameTrace(trx, trace);
            if (own.length === 0) return;
            if (!hasFaults && !isOneByOne) return await handling.handle(own, trx);
            opened = await handleBeside(handling, own, from.epoch, trx, isOneByOne);
          });
          for (const { fault, event, failure } of opened) {
            const { id, type, key } = event;
            const { error: err, codeVersion } = failure;
            log.error(
              { err, consumer: name, codeVersion, fault, event: { id, type, key } },
              'an event is set aside',
            );
            onFault();
          }
        };
        await work(false).catch((error: unknown) => {
          if (!isPoison(error)) throw error;
          return work(true);
        });
      },
    );
    moved = performance.now();
    succeed();
    return position;
  };
  await hub.tail(
    from,
    async (messages) => {
      const said = messages.map((message) => (message.kind === 'record' ? message.record : message.progress));
      const position = await move(
        messages.flatMap((message) => (message.kind === 'record' ? [message.record] : [])),
      );
      for (const { source, committedAt } of said) onSaid?.(source, committedAt);
      if (position === undefined) return;
      if (performance.now() - registered < registerEveryMs) return;
      registered = performance.now();
      await hub.keepFor(name, position).catch((error: unknown) => {
        log.warn({ err: error, consumer: name }, 'the hub keeps more for a consumer than it needs');
      });
    },
    signal,
  );
}

/** The faults of this consumer, for the operators of each of its instances. */
export function faultsOf<Tables extends CursorTables>(options: DurableConsumerOptions<Tables>): FaultDesk {
  const db = options.db as unknown as Kysely<CursorTables>;
  return createConsumerFaultDesk(handlingOf(options), db, options.log);
}

function handlingOf<Tables extends CursorTables>({
  name,
  handle,
  unitOf = ({ key }) => key,
  build = 'not known',
  now = Date.now,
}: DurableConsumerOptions<Tables>): EventHandling {
  return {
    consumer: name,
    handle: (records, trx) => handle(records, trx as unknown as Transaction<Tables>),
    unitOf,
    codeVersion: `build ${build}`,
    now,
  };
}

async function countFaults(db: Kysely<CursorTables>, consumer: string): Promise<number> {
  const heads = db
    .selectFrom('hub_faults')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('nth', '=', 0);
  return Number((await heads.where('consumer', '=', consumer).executeTakeFirstOrThrow()).count);
}

/** What is done with records of one trace belongs to it; with those of several, to none. */
function onlyTrace(records: readonly HubRecord[]): string | undefined {
  const traces = new Set(records.flatMap(({ events }) => events.map(({ traceparent }) => traceparent)));
  traces.delete(undefined);
  const [only, ...others] = traces;
  return others.length === 0 ? only : undefined;
}

const pause = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => {});
