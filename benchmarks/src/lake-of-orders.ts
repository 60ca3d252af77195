import type { HubRecord, NewRecord } from '@portico/change-stream/hub/event-hub.ts';
import { openLakeForWriting } from '@portico/event-lake/lake.ts';
import { openSegment } from '@portico/event-lake/write-segment.ts';

export const source = 'orders';
const segmentBytes = 64_000_000;

export interface LakeOfOrders {
  readonly epoch: string;
  readonly events: number;
  /** Of the last record, where a hub has it, too. */
  readonly lastMark?: string | undefined;
  /** How many customers have ordered, by turns; 200 when left out. */
  readonly customers?: number;
}

/** Writes a lake of orders into the folder, one event a record: 1,000,000 are three months. @returns bytes on the disk */
export async function writeLakeOfOrders(
  dir: string,
  { epoch, events, lastMark, customers }: LakeOfOrders,
): Promise<number> {
  const { manifest, folder } = await openLakeForWriting(dir);
  manifest.beginPart({ epoch, number: 0 });
  let bytes = 0;
  for (let number = 0; number < events; ) {
    const segment = await openSegment(folder, epoch, number + 1);
    while (segment.bytes < segmentBytes && number < events) {
      const records: HubRecord[] = Array.from({ length: 500 }, () => {
        number += 1;
        const mark = (number === events ? lastMark : undefined) ?? `${number}`;
        return { ...orderRecordAt(number, customers), number, mark };
      });
      await segment.add(records);
    }
    const sealed = await segment.seal();
    manifest.add(sealed);
    bytes += sealed.bytes;
  }
  manifest.close();
  return bytes;
}

/** One event of an order, from 1; every fifth is a new one. */
export function orderRecordAt(at: number, customers = 200): NewRecord {
  const orderNumber = `o${Math.ceil(at / 5)}`;
  const version = ((at - 1) % 5) + 1;
  const type = [
    'order-placed',
    'stock-reserved',
    'payment-authorized',
    'shipment-scheduled',
    'order-confirmed',
  ][version - 1];
  const committedAt = Date.UTC(2026, 0, 1) + at * 7_776;
  const traceparent = `00-${at.toString(16).padStart(32, '0')}-${at.toString(16).padStart(16, '0')}-01`;
  const unitPrice = { amount: 100 + (at % 9_000), currency: 'EUR' };
  const lines = [{ productId: `p${at % 1_000}`, quantity: 1 + (at % 3), unitPrice }];
  const data = version === 1 ? { lines, total: unitPrice } : {};
  const customerId = `c${Math.ceil(at / 5) % customers}`;
  const after = {
    orderNumber,
    version,
    customerId,
    type,
    at: new Date(committedAt).toISOString(),
    data,
    traceparent,
  };
  const key = `${orderNumber}:${version}`;
  const id = `7567890123456789012/1/portico_orders/1/${at * 312}/0`;
  const event = { id, type: 'order-event-appended', key, data: { before: null, after }, traceparent };
  const offset = { log: '7567890123456789012/1/portico_orders/1', at: String(at * 312) };
  return { source, offset, xid: String(at + 1_000), committedAt, events: [event] };
}
