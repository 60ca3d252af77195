import type { operations } from '@portico/contracts/generated/orders.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Database } from '@portico/runtime/database.ts';
import { forbidden, requireIdentity } from '@portico/runtime/identity.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { OrdersTables } from './database.ts';
import { decide } from './decide-order.ts';
import { pageOfOrders, toOrder } from './order-pages.ts';
import { type Catalog, priceLines } from './price-lines.ts';
import { planSteps } from './saga/saga-steps.ts';
import { changeOrder, loadForChange, loadOrder, type StoredOrder } from './store/order-store.ts';
import { findTaken, type Taken, takeOrder } from './take-order.ts';

export interface OrdersHandlerParts {
  readonly db: Database<OrdersTables>;
  readonly catalog: Catalog;
  /** Steps of a saga were written down. */
  readonly wake: () => void;
  readonly now: () => number;
}

/** What each operation of orders does. */
export function createOrdersHandlers({
  db,
  catalog,
  wake,
  now,
}: OrdersHandlerParts): OperationHandlers<operations> {
  const during = (context: RequestContext) => db.during(context);
  return {
    placeOrder: async ({ headers, body, context }) => {
      const take = {
        customerId: customerOf(context),
        idempotencyKey: String(headers['idempotency-key']),
        wanted: body,
        traceparent: context.traceparent,
        now: new Date(now()),
      };
      // One that was taken is answered also when a product has gone, or the catalog is away.
      const earlier = await findTaken(during(context), take);
      if (earlier !== undefined) return answerTaken(earlier);
      const lines = await priceLines(catalog, body.lines, context);
      const answer = await answerCommit(during(context), 'orders', async (trx, commitId) =>
        answerTaken(await takeOrder(trx, take, lines, commitId)),
      );
      wake();
      return answer;
    },

    listOrders: async ({ query: { limit = 20, cursor }, context }) => ({
      body: await pageOfOrders(during(context), { customerId: customerOf(context), limit, cursor }),
    }),

    getOrder: async ({ path: { number }, query, context }) => {
      const stored = await loadOrder(during(context), number, momentOf(query.asOf));
      return { body: toOrder(requireOwn(stored, number, customerOf(context))) };
    },

    cancelOrder: async ({ path: { number }, context }) => {
      const { traceparent } = context;
      const customerId = customerOf(context);
      const answer = await answerCommit(during(context), 'orders', async (trx) => {
        const stored = requireOwn(await loadForChange(trx, number), number, customerId);
        const events = decide(stored.order, { type: 'cancel' });
        const changed = await changeOrder(trx, stored, events, { traceparent, now: new Date(now()) });
        await planSteps(trx, changed, traceparent, null);
        return { status: 202, body: toOrder(changed) };
      });
      wake();
      return answer;
    },
  };
}

function answerTaken({ stored, commitId }: Taken) {
  const headers = { 'Commit-Id': commitId, Location: `/orders/${stored.number}` };
  return { status: 202, body: toOrder(stored), headers };
}

/** A provider may name its users as it likes; only the customers of the shop have orders. */
function customerOf(context: RequestContext): string {
  const { subject } = requireIdentity(context);
  if (!/^c[1-9][0-9]{0,8}$/.test(subject)) throw forbidden('Only customers of the shop have orders.');
  return subject;
}

function requireOwn(stored: StoredOrder | undefined, number: string, customerId: string): StoredOrder {
  if (stored?.customerId === customerId) return stored;
  throw new Problem('not-found', `There is no order "${number}" of yours.`);
}

function momentOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const moment = new Date(text);
  // A leap second is a well-formed time that Date has none of.
  if (Number.isNaN(moment.getTime()))
    throw new Problem('invalid-request', 'The query parameter "asOf" names no moment.');
  return moment;
}
