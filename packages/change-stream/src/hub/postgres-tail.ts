import type { Kysely } from 'kysely';
import type { HubMessage, HubRecord, Position, Progress } from './event-hub.ts';
import type { HubTables } from './hub-database.ts';
import { type LogListener, openLogListener } from './log-listener.ts';
import { checkPosition, pageQuery, recordsTold, toRecord } from './log-page.ts';
import { createProgressOrder } from './progress-in-order.ts';

/** What a reader holds at a time, however slow it is. */
const pageLimits = { records: 500, bytes: 4_000_000 };

/** A connection that is silent so long is asked, and has so long to answer: lost ones are noticed within two seconds. */
const pollMs = 500;
const timeoutMs = 1_500;

export interface TailOptions {
  readonly url: string;
  /** Only writes the statements; they run on the tail's own connection. */
  readonly db: Kysely<HubTables>;
  readonly after: Position;
  readonly receive: (messages: readonly HubMessage[]) => Promise<void> | void;
  readonly signal: AbortSignal;
}

/**
 * `tail` of the hub: waits for notifications, which tell what is new where it is little. It looks by itself where they don't, and
 * now and then in case one is lost.
 */
export async function tailLog({ url, db, after, receive, signal }: TailOptions): Promise<void> {
  if (signal.aborted) return;
  const progressInOrder = createProgressOrder();
  let listener: LogListener | undefined;
  let position = after;

  const handOn = async (records: readonly HubRecord[], progress: readonly Progress[]) => {
    const end = records.at(-1);
    if (end !== undefined) position = { epoch: after.epoch, number: end.number, mark: end.mark };
    const messages: HubMessage[] = [
      ...records.map((record) => ({ kind: 'record' as const, record })),
      ...progressInOrder(progress, position.number).map((one) => ({
        kind: 'progress' as const,
        progress: one,
      })),
    ];
    if (messages.length > 0) await receive(messages);
  };
  /** @returns whether there is more */
  const look = async ({ query }: LogListener) => {
    const page = pageQuery(position.number, pageLimits.records, pageLimits.bytes);
    const [row] = await query('page', page.compile(db));
    if (row === undefined) throw new Error('the hub has no epoch');
    checkPosition(row.page, position);
    await handOn(row.page.records.map(toRecord), row.page.progress);
    return position.number < row.page.last;
  };

  try {
    listener = await openLogListener(url, timeoutMs, signal);
    while (!signal.aborted) {
      if (await look(listener)) continue;
      for (let isTold = true; isTold && !signal.aborted; ) {
        const records = recordsTold(await listener.nextAppend(pollMs), position);
        isTold = records !== undefined;
        await handOn(records ?? [], []);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    listener?.close();
  }
}
