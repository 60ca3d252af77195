import assert from 'node:assert/strict';
import type { components } from '@portico/contracts/generated/orders.ts';
import { loadOpenApi, type OpenApiName } from '@portico/contracts/openapi.ts';
import { createAdminApp } from '@portico/runtime/admin.ts';
import { createDatabase, migrateToLatest } from '@portico/runtime/database.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createCallMetrics } from '@portico/service-client/call-metrics.ts';
import { createServiceClient } from '@portico/service-client/service-client.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { startTokenIssuer } from '@portico/testing/token-issuer.ts';
import supertest from 'supertest';
import { createOrders } from './create-orders.ts';
import { migrations, type OrdersTables } from './database.ts';
import type { Catalog } from './price-lines.ts';
import { createPerform, type Participants } from './saga/call-participants.ts';
import { createParkedRoutes } from './saga/parked-routes.ts';
import { startParticipants } from './saga/participants.fixture.ts';
import { runSaga, type SagaOptions } from './saga/run-saga.ts';
import { createSagaMetrics } from './saga/saga-metrics.ts';

export type Order = components['schemas']['Order'];
export type TestOrders = Awaited<ReturnType<typeof startOrders>>;

/** Orders on a database of its own, with participants that do as they are told, and quick sagas. */
export async function startOrders(saga: Partial<SagaOptions> = {}, log: Logger = silentLogger) {
  const postgres = await startPostgres({ databases: ['orders'] });
  const url = String(postgres.databases.orders);
  const db = createDatabase<OrdersTables>(url, silentLogger);
  await migrateToLatest(db, migrations);
  const [issuer, participants] = [await startTokenIssuer(), await startParticipants()];
  const callMetrics = createCallMetrics(createMetrics('calls'));
  const clientOf = (service: OpenApiName) =>
    createServiceClient(
      { service, baseUrl: participants.url, document: loadOpenApi(service), timeoutMs: 5_000, breaks: false },
      callMetrics,
    );
  const clients = [clientOf('inventory'), clientOf('payments'), clientOf('shipping'), clientOf('catalog')];
  const [inventory, payments, shipping, catalog] = clients as unknown[];
  const token = { current: async () => 'a-service-token', forget: () => {} };
  const perform = createPerform({ inventory, payments, shipping } as Participants, token, log);
  let time = Date.UTC(2026, 0, 15, 12);
  // Each look at the clock is a second later.
  const now = () => {
    time += 1_000;
    return time;
  };
  const adminMetrics = createMetrics('orders');
  const running = runSaga({
    ...createSagaMetrics(adminMetrics, db),
    now,
    db: createDatabase<OrdersTables>(url, log, undefined, 4),
    perform,
    log,
    concurrency: 4,
    pollMs: 20,
    firstPauseMs: 5,
    longestPauseMs: 20,
    // Longer than some tries on a busy machine.
    giveUpAfterMs: 2_000,
    parkAfterTries: 3,
    ...saga,
  });
  const app = createOrders({
    db,
    catalog: catalog as Catalog,
    wake: running.wake,
    verifyToken: issuer.verify,
    log,
    metrics: createMetrics('orders'),
    now,
    validateAnswers: true,
  });
  const admin = createAdminApp({
    metrics: adminMetrics,
    checks: {},
    stopping: () => false,
    extra: createParkedRoutes(db, running.wake),
  });
  let keys = 0;
  const newKey = () => {
    keys += 1;
    return `key-${keys}`;
  };

  const get = (path: string, as = issuer.ada) => supertest(app).get(path).set(as);
  const place = (body: object = {}, key = newKey(), as = issuer.ada) =>
    supertest(app)
      .post('/orders')
      .set({ 'Idempotency-Key': key, ...as })
      .send({ lines: [{ productId: 'p1', quantity: 2 }], paymentToken: 'tok_ok', ...body });
  const orderOf = async (number: string): Promise<Order> => (await get(`/orders/${number}`)).body;
  return {
    url,
    db,
    app,
    admin,
    issuer,
    participants,
    wake: running.wake,
    get,
    place,
    /** Places an order, and gives its number. */
    placed: async (body: object = {}): Promise<string> => {
      const { status, body: order, text } = await place(body);
      assert.equal(status, 202, text);
      return order.number;
    },
    cancel: (number: string, as = issuer.ada) => supertest(app).post(`/orders/${number}/cancel`).set(as),
    orderOf,
    /** The order, once it is as asked for. */
    until: async (number: string, holds: (order: Order) => boolean): Promise<Order> => {
      for (;;) {
        const order = await orderOf(number);
        if (holds(order)) return order;
      }
    },
    /** Once no step is left to do but those that are parked. */
    settled: async () => {
      for (;;) {
        const left = await db.selectFrom('saga_steps').select('id').where('parked', '=', false).execute();
        if (left.length === 0) return;
      }
    },
    stopSaga: running.close,
    stop: async () => {
      await running.close();
      await Promise.all(clients.map((client) => client.destroy()));
      await Promise.all([participants.close(), issuer.close(), db.destroy()]);
      await postgres.stop();
    },
  };
}

export const typesOf = ({ timeline }: Order) => timeline.map(({ type }) => type);
