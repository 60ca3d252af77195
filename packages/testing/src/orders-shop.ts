import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventHub, NewRecord } from '@portico/change-stream/hub/event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import type { View } from '@portico/change-stream/views/view.ts';
import type { ViewStore } from '@portico/change-stream/views/view-store.ts';
import { type OrdersState, orderKey, ordersView } from '@portico/coherent-cache/orders/orders-view.ts';
import { type OrderEvent, ordersEvents } from '@portico/contracts/events/orders-events.ts';
import type { components, operations } from '@portico/contracts/generated/orders.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import { identifyUser, requireIdentity } from '@portico/runtime/identity.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createOpenApiRouter } from '@portico/runtime/openapi-router.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createMemoryLog } from './memory-event-hub.ts';
import type { TokenIssuer } from './token-issuer.ts';

type Order = components['schemas']['Order'];

export interface FollowOptions {
  readonly waitMs?: number;
  /** Another code of the view, and a store that several processes share. */
  readonly view?: View<OrdersState>;
  readonly store?: ViewStore<OrdersState>;
}

export type OrdersShop = Awaited<ReturnType<typeof startOrdersShop>>;

/**
 * A service of orders in memory, as its OpenAPI document describes it, whose events come through a hub in this process. Its
 * orders go on when a test says so. p1 to p45 cost their number in whole euros.
 * @param connect the log that its events go to; one of its own when left out
 */
export async function startOrdersShop(issuer: Pick<TokenIssuer, 'verify'>, connect = createMemoryLog()) {
  const hub = connect();
  const writer = await hub.writer('orders', new AbortController().signal);
  const view = ordersView('test');
  const histories = new Map<string, OrderEvent[]>();
  const keys = new Map<string, { readonly command: string; readonly number: string; readonly xid: number }>();
  const calls: string[] = [];
  const closing: (() => Promise<unknown>)[] = [];
  let held: NewRecord[] | undefined;
  let xid = 0;
  let isAway = false;

  /** The first event's `before` may say that it was changed. */
  const append = async (
    number: string,
    type: string,
    data: Record<string, unknown> = {},
    customerId = 'c1',
  ) => {
    xid += 1;
    const history = histories.get(number) ?? [];
    histories.set(number, history);
    const event: OrderEvent = {
      orderNumber: number,
      version: history.length + 1,
      customerId: history[0]?.customerId ?? customerId,
      type,
      at: new Date(1_700_000_000_000 + xid * 1_000).toISOString(),
      data,
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    };
    history.push(event);
    await appendEvents([
      {
        type: 'order-event-appended',
        key: `${number}:${event.version}`,
        data: { before: null, after: event },
      },
    ]);
  };
  const appendEvents = async (
    events: { type: string; key: string; data: { before: unknown; after: unknown } }[],
  ) => {
    const record: NewRecord = {
      source: 'orders',
      offset: { log: 'orders', at: String(xid) },
      xid: String(xid),
      committedAt: Date.now(),
      events: events.map((event, index) => ({ ...event, id: `${xid}.${index}` })),
    };
    if (held === undefined) await writer.append([record]);
    else held.push(record);
  };

  const orderOf = (number: string): Order | undefined => {
    const events = (histories.get(number) ?? []).map((after) => ({
      id: '',
      type: 'order-event-appended',
      key: `${number}:${after.version}`,
      data: { before: null, after },
    }));
    const key = orderKey(number);
    const at = { epoch: '', number: 0 };
    const { order } = events.reduce((state, event) => view.evolve(state, event, at), view.initial(key));
    if (order === undefined || order === 'incomplete') return undefined;
    return {
      ...order,
      lines: [...order.lines],
      timeline: order.timeline.map(({ type, at }) => ({ type, at })),
    };
  };
  const own = (number: string, context: RequestContext): Order => {
    const order = orderOf(number);
    if (order?.customerId === requireIdentity(context).subject) return order;
    throw new Problem('not-found', `There is no order "${number}" of yours.`);
  };
  const committed = () => ({ 'Commit-Id': `orders:${xid}` });

  const handlers: OperationHandlers<operations> = {
    placeOrder: async ({ headers, body, context }) => {
      const { subject } = requireIdentity(context);
      const key = `${subject} ${headers['idempotency-key']}`;
      const command = JSON.stringify(body);
      const known = keys.get(key);
      if (known !== undefined && known.command !== command)
        throw new Problem('conflict', 'This key was used for another order.');
      if (known !== undefined)
        return {
          status: 202,
          body: own(known.number, context),
          headers: { 'Commit-Id': `orders:${known.xid}` },
        };
      const ids = body.lines.map(({ productId }) => productId);
      if (new Set(ids).size < ids.length || ids.some((id) => Number(id.slice(1)) > 45))
        throw new Problem('invalid-request', 'Each product once, and only those that there are.');
      const number = `o${histories.size + 1}`;
      const lines = body.lines.map(({ productId, quantity }) => ({
        productId,
        quantity,
        unitPrice: { amount: Number(productId.slice(1)) * 100, currency: 'EUR' },
      }));
      const amount = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice.amount, 0);
      await append(number, 'order-placed', { lines, total: { amount, currency: 'EUR' } }, subject);
      keys.set(key, { command, number, xid });
      return { status: 202, body: own(number, context), headers: committed() };
    },
    cancelOrder: async ({ path: { number }, context }) => {
      const { status } = own(number, context);
      if (status === 'SHIPPED') throw new Problem('conflict', 'The order is shipped.');
      await append(number, 'cancellation-requested');
      return { status: 202, body: own(number, context), headers: committed() };
    },
    getOrder: ({ path: { number }, context }) => ({ body: own(number, context) }),
    listOrders: ({ query: { limit = 20, cursor = '0' }, context }) => {
      const { subject } = requireIdentity(context);
      const all = [...histories.keys()]
        .map((number) => orderOf(number))
        .filter((order) => order?.customerId === subject)
        .toReversed() as Order[];
      const from = Number(cursor);
      const items = all.slice(from, from + limit);
      const cursors = items.map((_, index) => String(from + index + 1));
      return { body: { items, cursors, next: all.length > from + limit ? String(from + limit) : null } };
    },
  };
  const server = createServer(
    createHttpApp({ log: silentLogger, metrics: createMetrics('orders'), timeoutMs: 60_000 }, (app) => {
      app.use((req, _res, next) => {
        calls.push(`${req.method} ${req.originalUrl}`);
        if (isAway) throw new Problem('unavailable', 'The service was told to fail.');
        next();
      });
      app.use(identifyUser(issuer.verify));
      app.use(createOpenApiRouter(loadOpenApi('orders'), handlers));
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hub,
    append,
    appendEvents: async (events: Parameters<typeof appendEvents>[0]) => {
      xid += 1;
      await appendEvents(events);
    },
    orderOf,
    /** The calls since the last time that this was asked. */
    takeCalls: () => calls.splice(0),
    setAway: (away: boolean) => {
      isAway = away;
    },
    /** Commits are known to nobody from here on, until `release`. */
    hold: () => {
      held = [];
    },
    release: async () => {
      const records = held ?? [];
      held = undefined;
      if (records.length > 0) await writer.append(records);
    },
    /** What a process knows of it, as a BFF has it, up to all that was committed. */
    follow: async (own: EventHub = connect(), { waitMs = 10_000, ...given }: FollowOptions = {}) => {
      const options = { hub: own, log: silentLogger };
      const node = createChangeNode({ ...options, sources: [ordersEvents], boundMs: 3_600_000 });
      const store = given.store ?? createMemoryViewStore<OrdersState>();
      const live = createLiveView({ ...options, view: given.view ?? view, store, node, waitMs });
      closing.push(live.close, node.close, own.close);
      while (live.applied === undefined) await nextTurn();
      return { node, ordersView: live };
    },
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
