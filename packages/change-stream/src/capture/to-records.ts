import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { NewRecord } from '../hub/event-hub.ts';
import type { CapturedTransaction } from './captured.ts';

/** The most that one record holds, in bytes of its events as JSON; a single event may be larger. */
const mostBytes = 512 * 1024;

/** The record of a transaction, or its parts where it is too large for one. */
export function toRecords(source: string, log: string, transaction: CapturedTransaction): NewRecord[] {
  const { at, xid, committedAt } = transaction;
  const record = { source, offset: { log, at: String(at) }, xid: String(xid), committedAt };
  const parts = split(transaction);
  if (parts.length === 1) return [{ ...record, events: transaction.events }];
  return parts.map((events, index) => ({
    ...record,
    part: { number: index + 1, of: parts.length },
    events,
  }));
}

function split({ events, sizes }: CapturedTransaction): ChangeEvent[][] {
  let part: ChangeEvent[] = [];
  let bytes = 0;
  const parts = [part];
  events.forEach((event, index) => {
    const size = sizes[index] ?? 0;
    if (part.length > 0 && bytes + size > mostBytes) {
      part = [];
      bytes = 0;
      parts.push(part);
    }
    part.push(event);
    bytes += size;
  });
  return parts;
}
