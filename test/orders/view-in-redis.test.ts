/** A BFF whose view of orders lies in Redis, over the hub in PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DurableEventHub, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import type { OrderEvent } from '@portico/contracts/events/orders-events.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import {
  findRedis,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@portico/testing/engines.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { type Program, startProgram } from '../programs.fixture.ts';

const skip = findRedis() === undefined ? 'no Redis on this machine' : false;
const nobody = 'http://127.0.0.1:1';
const money = { amount: 400, currency: 'EUR' };

describe('A view of orders in Redis', { skip, timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let issuer: TokenIssuer;
  let hub: DurableEventHub;
  let writer: SourceWriter;
  let saying: NodeJS.Timeout;
  let appending = Promise.resolve();
  let at = 0;
  const running: Program[] = [];

  before(async () => {
    [postgres, redis, issuer] = await Promise.all([
      startPostgres({ databases: ['hub'] }),
      startRedis(),
      startTokenIssuer(),
    ]);
    hub = createPostgresEventHub({ url: String(postgres.databases.hub), log: silentLogger });
    writer = await hub.writer('orders', AbortSignal.timeout(10_000));
    // As capture does, so that the source is trusted.
    saying = setInterval(() => inTurn(say), 250);
  });
  after(async () => {
    clearInterval(saying);
    await appending;
    await Promise.all(running.map((one) => one.stop()));
    await hub?.close();
    await Promise.all([issuer?.close(), redis?.stop(), postgres?.stop()]);
  });

  const inTurn = (work: () => Promise<void>) => {
    appending = appending.then(work);
    return appending;
  };
  const offset = () => ({ log: 'orders', at: String(at) });
  const say = () => writer.append([], { offset: offset(), xmin: String(at + 1), committedAt: Date.now() });
  const append = (orderNumber: string, version: number, type: string, data = {}) =>
    inTurn(async () => {
      at += 1;
      const after: OrderEvent = {
        orderNumber,
        version,
        customerId: 'c1',
        type,
        at: new Date(1_700_000_000_000 + at).toISOString(),
        data,
        traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      };
      const key = `${orderNumber}:${version}`;
      const event = { id: key, type: 'order-event-appended', key, data: { before: null, after } };
      await writer.append([
        { source: 'orders', offset: offset(), xid: String(at), committedAt: Date.now(), events: [event] },
      ]);
    });
  const place = (number: string) => {
    const line = { productId: 'p2', quantity: 2, unitPrice: { amount: 200, currency: 'EUR' } };
    return append(number, 1, 'order-placed', { lines: [line], total: money });
  };

  /** No service is there: what it answers, it knows by itself. */
  const start = async () => {
    const bff = await startProgram('bffs/mobile/src/main.ts', {
      OIDC_ISSUER: issuer.issuer,
      CATALOG_URL: nobody,
      INVENTORY_URL: nobody,
      REVIEWS_URL: nobody,
      CUSTOMERS_URL: nobody,
      ORDERS_URL: nobody,
      HUB_URL: postgres.databases.hub,
      REDIS_URL: redis.url,
    });
    running.push(bff);
    return bff;
  };
  /** As soon as there is an answer that fulfils it: a process that has just started, or whose node has not heard of it yet, needs a moment. */
  const status = async ({ url }: Program, number: string, expected: string) => {
    for (;;) {
      const signal = AbortSignal.timeout(10_000);
      const answer = await fetch(`${url}/api/v1/orders/${number}`, { headers: issuer.ada, signal });
      const body = (await answer.json()) as { status?: unknown; total?: unknown };
      if (answer.status === 200 && body.status === expected) return body;
    }
  };

  it('answers while orders is away, in every instance, each event counted once', async () => {
    await place('o1');
    const [one, two] = await Promise.all([start(), start()]);
    for (const bff of [one, two]) assert.deepEqual((await status(bff, 'o1', 'PENDING')).total, money);
    await append('o1', 2, 'order-confirmed');
    await append('o1', 3, 'order-shipped');
    for (const bff of [one, two]) await status(bff, 'o1', 'SHIPPED');
  });

  it('goes on where it was after all instances were gone, though the hub has let go of the log before', async () => {
    await append('o1', 4, 'order-delivered');
    await place('o2');
    const [one] = running as [Program];
    await status(one, 'o2', 'PENDING');
    for (const { child } of running.splice(0)) child.kill('SIGKILL');
    await append('o2', 2, 'order-cancelled', { reason: 'customer' });
    const { epoch, last } = await hub.range();
    // What an operator would keep for 7 days.
    await hub.keepFor('the view', { epoch, number: last - 1 });
    assert.ok((await hub.trim(Date.now() + 1_000)) > 0);
    const again = await start();
    await status(again, 'o2', 'CANCELLED');
    await status(again, 'o1', 'SHIPPED');
  });
});
