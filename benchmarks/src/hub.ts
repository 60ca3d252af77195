import { setTimeout as delay } from 'node:timers/promises';
import type { NewRecord, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startMeasuredPostgres } from './coherence/start-shop.ts';
import type { Report } from './report.ts';
import { quantile } from './statistics.ts';

const source = 'measured';

export interface HubCost {
  /** Milliseconds from the call of `append` until a reader in this process had the record, at each rate. */
  readonly rates: readonly { readonly perSecond: number; readonly delays: readonly number[] }[];
  readonly ceilings: readonly { readonly perAppend: number; readonly perSecond: number }[];
}

/** How long a record takes to a reader at a steady rate, and how many go in at the most. */
export async function measureHub(ending: AsyncDisposableStack): Promise<HubCost> {
  const postgres = await startMeasuredPostgres(['hub'], [], ending);
  const hub = createPostgresEventHub({ url: postgres.databases.hub ?? '', log: silentLogger });
  ending.defer(() => hub.close());
  const done = new AbortController();
  const writer = await hub.writer(source, done.signal);
  const nextRecord = createRecords();

  const delays: number[] = [];
  const appendedAt = new Map<string, number>();
  const { epoch, last } = await hub.range();
  const reading = hub.tail(
    { epoch, number: last },
    (messages) => {
      for (const message of messages) {
        if (message.kind === 'progress') continue;
        const { at } = message.record.offset;
        delays.push(performance.now() - (appendedAt.get(at) ?? Number.NaN));
        appendedAt.delete(at);
      }
    },
    done.signal,
  );
  const atRate = async (perSecond: number, seconds: number) => {
    const record = () => {
      const made = nextRecord();
      appendedAt.set(made.offset.at, performance.now());
      return made;
    };
    await appendAtRate(writer, record, perSecond, seconds);
    while (appendedAt.size > 0) await delay(1);
    return { perSecond, delays: delays.splice(0) };
  };
  await atRate(100, 2);
  const rates = [await atRate(10, 5), await atRate(100, 5), await atRate(1_000, 5)];
  done.abort();
  await reading;
  const ceilings = [];
  for (const perAppend of [1, 10, 100, 500]) {
    ceilings.push({ perAppend, perSecond: await ceilingOf(writer, nextRecord, perAppend, 3) });
  }
  await writer.release();
  return { rates, ceilings };
}

/** About changes of products, before and after: 1 kB each. */
function createRecords(): () => NewRecord {
  let number = 0;
  return () => {
    number += 1;
    const at = String(number);
    const price = { amount: number, currency: 'EUR' };
    const product = { id: `p${at}`, name: 'A product', description: 'd'.repeat(300), price };
    const data = { before: product, after: product };
    const event = { id: `${source}/${at}/0`, type: 'product-changed', key: product.id, data };
    return { source, offset: { log: source, at }, xid: at, committedAt: Date.now(), events: [event] };
  };
}

/** Like capture: whatever came while an append was under way goes with the next. */
async function appendAtRate(
  to: SourceWriter,
  nextRecord: () => NewRecord,
  perSecond: number,
  seconds: number,
): Promise<void> {
  const total = perSecond * seconds;
  const start = performance.now();
  for (let made = 0; made < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1_000) * perSecond) + 1);
    const batch = Array.from({ length: due - made }, nextRecord);
    made = due;
    if (batch.length > 0) await to.append(batch);
    else await delay(1);
  }
}

async function ceilingOf(
  to: SourceWriter,
  nextRecord: () => NewRecord,
  perAppend: number,
  seconds: number,
): Promise<number> {
  const start = performance.now();
  let appended = 0;
  while (performance.now() - start < seconds * 1_000) {
    await to.append(Array.from({ length: perAppend }, nextRecord));
    appended += perAppend;
  }
  return (appended * 1_000) / (performance.now() - start);
}

/** About half a minute. */
export async function reportHub(ending: AsyncDisposableStack): Promise<Report> {
  const { rates, ceilings } = await measureHub(ending);
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const first = ceilings[0]?.perSecond ?? Number.NaN;
  const most = ceilings.map(({ perAppend, perSecond }) => {
    const rate = `${perSecond.toFixed(0)} (${(perSecond / first).toFixed(1)})`;
    return { name: `at the most, ${perAppend} an append`, value: perSecond, label: rate };
  });
  return {
    title: 'The hub: from an append to a reader, and how many records go in',
    note: 'Records of 1 kB, on the disk when appended. The ratio is to appends of one record.',
    heads: ['', 'p50', 'p99', 'worst', 'a second (ratio)'],
    rows: [
      ...rates.map(({ perSecond, delays }) => [
        `at ${perSecond} records a second`,
        ...[0.5, 0.99, 1].map((share) => ms(quantile(delays, share))),
        '',
      ]),
      ...most.map(({ name, label }) => [name, '', '', '', label]),
    ],
    bars: most,
  };
}
