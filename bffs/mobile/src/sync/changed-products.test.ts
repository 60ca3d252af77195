import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createSimulatedHub } from '@portico/change-stream/node/simulated-hub.fixture.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createShopData } from '@portico/testing/shop-data.ts';
import { stockChanged } from '@portico/testing/shop-events.ts';
import { createChangedProducts } from './changed-products.ts';

test('no place of before counts where the log was put back under the same epoch', async () => {
  const { stock } = createShopData();
  const hub = createSimulatedHub();
  const connection = hub.connect();
  let committed = 0;
  const recordOf = (productId: string) => {
    committed += 1;
    const before = { ...(stock[0] ?? { quantity: 1, reserved: 0 }), productId };
    const event = stockChanged(before, { ...before, quantity: committed });
    const offset = { log: 'inventory', at: String(committed) };
    const events = [{ ...event, id: String(committed) }];
    return { source: 'inventory', offset, xid: String(committed), committedAt: Date.now(), events };
  };
  for (const id of ['p1', 'p2', 'p3']) hub.append(recordOf(id));
  let reconnect = () => {};
  const pause = (_ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      reconnect = resolve;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const node = createChangeNode({ hub: connection.hub, sources: eventSources, log: silentLogger, pause });
  const changed = createChangedProducts({
    node,
    hub: connection.hub,
    log: silentLogger,
    pause: () => nextTurn(),
  });
  while (typeof changed.after({ number: 0 }, 9) === 'string') await nextTurn();
  const after = (number: number) => changed.after({ number }, 9);
  assert.deepEqual(after(1), [
    { number: 2, id: 'p2' },
    { number: 3, id: 'p3' },
  ]);

  connection.cut();
  hub.rewrite(3, recordOf('p4'));
  connection.mend();
  const before = node.applied;
  while (node.applied === before || node.applied === undefined) {
    reconnect();
    await nextTurn();
  }
  assert.deepEqual(node.applied, { epoch: before?.epoch, number: 3 });
  assert.deepEqual([after(2), after(3)], ['gone', 'gone']);
  hub.append(recordOf('p5'));
  hub.append(recordOf('p6'));
  while (node.applied?.number !== 5) {
    await connection.deliver(9, 0);
    await nextTurn();
  }
  assert.deepEqual([after(3), after(4)], ['gone', [{ number: 5, id: 'p6' }]]);
  await Promise.all([changed.close(), node.close()]);
});
