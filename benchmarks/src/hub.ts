/**
 * Measures a hub in an empty database that may be written: `node benchmarks/src/hub.ts <postgres url>`. How long a record
 * takes from the call of `append` to a reader's `receive`, at a steady rate, and how many records go in at the most.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { HubMessage, NewRecord, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { quantile } from './statistics.ts';

const url = process.argv[2];
if (url === undefined) throw new Error('expected the URL of an empty database');
const hub = createPostgresEventHub({ url, log: silentLogger });
const done = new AbortController();
const source = `measured-${Date.now()}`;
const writer = await hub.writer(source, done.signal);
let at = 0;

/** About a product's change, before and after: 1 kB. */
function nextRecord(): NewRecord {
  at += 1;
  const product = {
    id: `p${at}`,
    name: 'A product',
    description: 'd'.repeat(300),
    price: { amount: at, currency: 'EUR' },
  };
  const event = {
    id: `${source}/${at}/0`,
    type: 'product-changed',
    key: product.id,
    data: { before: product, after: product },
  };
  return {
    source,
    offset: { log: source, at: String(at) },
    xid: String(at),
    committedAt: Date.now(),
    events: [event],
  };
}

const appendedAt = new Map<string, number>();
const latencies: number[] = [];
const { epoch, last } = await hub.range();
const reading = hub.tail(
  { epoch, number: last },
  (messages: readonly HubMessage[]) => {
    for (const message of messages) {
      if (message.kind === 'progress') continue;
      const began = appendedAt.get(message.record.offset.at);
      if (began !== undefined) latencies.push(performance.now() - began);
    }
  },
  done.signal,
);

/** Like capture: whatever came while an append was under way goes with the next. */
async function atRate(perSecond: number, seconds: number, to: SourceWriter): Promise<void> {
  latencies.length = 0;
  const waiting: NewRecord[] = [];
  const total = perSecond * seconds;
  const start = performance.now();
  for (let made = 0; made < total || waiting.length > 0; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1_000) * perSecond) + 1);
    for (; made < due; made += 1) {
      const record = nextRecord();
      appendedAt.set(record.offset.at, performance.now());
      waiting.push(record);
    }
    const batch = waiting.splice(0);
    if (batch.length > 0) await to.append(batch);
    else await delay(1);
  }
  while (latencies.length < total) await delay(1);
  appendedAt.clear();
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => quantile(latencies, share).toFixed(2));
  console.log(`${perSecond}/s: p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms`);
}

async function ceiling(perAppend: number, seconds: number): Promise<void> {
  const start = performance.now();
  let appended = 0;
  while (performance.now() - start < seconds * 1_000) {
    await writer.append(Array.from({ length: perAppend }, nextRecord));
    appended += perAppend;
  }
  const perSecond = Math.round((appended * 1_000) / (performance.now() - start));
  console.log(`${perAppend} an append: ${perSecond} records/s`);
}

await atRate(100, 2, writer);
for (const perSecond of [10, 100, 1_000]) await atRate(perSecond, 10, writer);
done.abort();
await reading;
for (const perAppend of [1, 10, 100, 500]) await ceiling(perAppend, 3);
await writer.release();
await hub.close();
