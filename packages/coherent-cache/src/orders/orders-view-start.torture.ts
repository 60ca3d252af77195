import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import { ordersEvents } from '@portico/contracts/events/orders-events.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { orderRecord } from '@portico/testing/order-records.ts';
import { type OrdersState, ordersView } from './orders-view.ts';

const events = 100_000;
const eventsOfOrder = 10;
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
    await writer.append(Array.from({ length: perAppend }, (_, index) => orderRecord(from + index)));
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
