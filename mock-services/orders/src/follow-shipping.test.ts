import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { DurableEventHub, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { everythingChangedEvent, type PublicEvent } from '@portico/contracts/events/change-event.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { followShipping } from './follow-shipping.ts';
import { startOrders, type TestOrders, typesOf } from './orders.fixture.ts';

let orders: TestOrders;
let openHub: () => DurableEventHub;
let shipping: SourceWriter;
let following: { close(): Promise<void> } | undefined;
let at = 0;
before(async () => {
  orders = await startOrders();
});
after(() => orders?.stop());
beforeEach(async () => {
  openHub = createMemoryLog();
  shipping = await openHub().writer('shipping', new AbortController().signal);
});
afterEach(() => following?.close());

const follow = () => {
  following = followShipping({ hub: openHub(), db: orders.db, wake: orders.wake, log: silentLogger });
};
const say = async (event: PublicEvent) => {
  at += 1;
  const events = [{ ...event, id: `${at}` }];
  const offset = { log: 'l', at: `${at}` };
  await shipping.append([{ source: 'shipping', offset, xid: `${at}`, committedAt: at, events }]);
};
const sayShipped = (orderNumber: string) => {
  const after = { orderNumber, status: 'shipped' };
  const before = { orderNumber, status: 'scheduled' };
  return say({ type: 'shipment-changed', key: orderNumber, data: { before, after } });
};
const confirmed = async () => {
  const number = await orders.placed();
  await orders.until(number, ({ version }) => version === 7);
  return number;
};
const shipped = (number: string) => orders.until(number, ({ status }) => status === 'SHIPPED');
/** Until the follower is at work: it asks shipping at its first start. */
const isFollowing = async () => {
  const number = await confirmed();
  orders.participants.things.set(`${number} shipments`, 'shipped');
  follow();
  return shipped(number);
};

describe('An order', () => {
  it('is shipped when the hub says so, once, however often it is said', async () => {
    await isFollowing();
    const [number, other] = [await confirmed(), await confirmed()];
    await say({
      type: 'shipment-changed',
      key: other,
      data: { before: null, after: { orderNumber: other, status: 'scheduled' } },
    });
    await sayShipped(number);
    await sayShipped(number);
    const last = await confirmed();
    await sayShipped(last);
    await shipped(last);
    assert.equal(typesOf(await shipped(number)).filter((type) => type === 'order-shipped').length, 1);
    assert.equal((await orders.orderOf(other)).status, 'CONFIRMED');
    assert.equal((await orders.cancel(number)).status, 422);
  });

  it('is shipped also when it was said while nobody listened', async () => {
    await isFollowing();
    await following?.close();
    const number = await confirmed();
    await sayShipped(number);
    follow();
    await shipped(number);
  });

  it('is confirmed and shipped when the parcel is quicker than the answer', async () => {
    await isFollowing();
    const answer = Promise.withResolvers<void>();
    orders.participants.behave((key) => (key.endsWith('schedule:do') ? answer.promise : undefined));
    const number = await orders.placed();
    await orders.until(number, ({ version }) => version === 3);
    await sayShipped(number);
    await shipped(number);
    answer.resolve();
    const order = await orders.until(number, ({ version }) => version === 8);
    await orders.settled();
    orders.participants.behave(() => undefined);
    assert.equal(order.status, 'SHIPPED');
    assert.equal(new Set(typesOf(order)).size, 8);
  });

  it('is asked for at shipping where the hub can not tell, and whether it is there or not', async () => {
    await isFollowing();
    const [gone, stays, unknown] = [await confirmed(), await confirmed(), await confirmed()];
    orders.participants.things.set(`${gone} shipments`, 'shipped');
    orders.participants.things.delete(`${unknown} shipments`);
    await say(everythingChangedEvent('truncated'));
    await shipped(gone);
    const parked = async () =>
      (await orders.db.selectFrom('saga_steps').select(['id', 'parked']).execute()).filter(
        (row) => !row.parked,
      );
    while ((await parked()).length > 0);
    assert.equal((await orders.orderOf(stays)).status, 'CONFIRMED');
    assert.equal((await orders.orderOf(unknown)).status, 'CONFIRMED');
    assert.deepEqual(await orders.db.selectFrom('saga_steps').select('id').execute(), []);
  });
});
