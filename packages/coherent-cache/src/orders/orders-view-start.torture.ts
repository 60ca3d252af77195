import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { NewRecord } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';

import { type OrderEvent, ordersEvents } from '@portico/contracts/events/orders-events.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { type OrdersState, ordersView } from './orders-view.ts';

const events = 100_000;
const eventsOfOrder = 10;
const customers = 1_000;
const perAppend = 1_000;

test(`a view in a process that starts has ${events} events of orders, and leaves time for other work meanwhile`, {
  timeout: 120_000,
}, async (t) => {
  const postgres = await startPostgres({ databases: ['hub'] });
  t.after(() => postgres.stop());
  const hub = createPostgresEventHub({ url: String(postgres.databases.hub), log: silentLogger });
  t.after(() => hub.close());
  const writer = await hub.writer('orders', AbortSignal.timeout(10_000));
  for (let from = 0; from < events; from += perAppend) {
    await writer.append(Array.from({ length: perAppend }, (_, index) => recordOf(from + index)));
  }

  const turns = monitorEventLoopDelay({ resolution: 5 });
  turns.enable();
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const node = createChangeNode({ hub, sources: [ordersEvents], boundMs: 3_600_000, log: silentLogger });
  t.after(() => node.close());
  const store = createMemoryViewStore<OrdersState>();
  const live = createLiveView({ view: ordersView('test'), store, node, hub, log: silentLogger });
  t.after(() => live.close());
  while (live.applied === undefined) await delay(5);
  const tookMs = performance.now() - began;
  turns.disable();
  const { user, system } = process.cpuUsage(cpu);
  t.diagnostic(
    `${(tookMs / 1_000).toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of a processor, ` +
      `longest turn ${(turns.max / 1e6).toFixed(0)} ms`,
  );
  const last = `order:o${events / eventsOfOrder}`;
  const { states } = await store.read([last]);
  const { order } = states.get(last) ?? {};
  assert.equal(typeof order === 'object' && order.version, eventsOfOrder);
  assert.ok(tookMs < 60_000);
});

/** Ten orders at a time go on by turns. */
function recordOf(nth: number): NewRecord {
  const round = Math.floor(nth / (10 * eventsOfOrder));
  const order = round * 10 + (nth % 10) + 1;
  const version = (Math.floor(nth / 10) % eventsOfOrder) + 1;
  const money = { amount: 300, currency: 'EUR' };
  const lines = [1, 2, 3].map((id) => ({ productId: `p${id}`, quantity: 1, unitPrice: money }));
  const after: OrderEvent = {
    orderNumber: `o${order}`,
    version,
    customerId: `c${order % customers}`,
    type: version === 1 ? 'order-placed' : 'order-went-on',
    at: new Date(1_700_000_000_000 + nth).toISOString(),
    data: version === 1 ? { lines, total: money } : {},
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  };
  const at = String(nth + 1);
  const event = {
    id: at,
    type: 'order-event-appended',
    key: `o${order}:${version}`,
    data: { before: null, after },
  };
  return {
    source: 'orders',
    offset: { log: 'orders', at },
    xid: at,
    committedAt: Date.now(),
    events: [event],
  };
}
