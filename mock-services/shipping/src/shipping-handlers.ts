import type { operations } from '@portico/contracts/generated/shipping.ts';
import type { Database } from '@portico/runtime/database.ts';
import { requireOneLineEach } from '@portico/runtime/one-line-each.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { answerStep } from '@portico/runtime/saga-step.ts';
import type { ShippingTables } from './database.ts';
import { cancel, schedule, select, toShipment } from './shipments.ts';

/** What each operation of shipping does. @param leavesAt when what is scheduled now leaves */
export function createShippingHandlers(
  database: Database<ShippingTables>,
  leavesAt: () => Date,
): OperationHandlers<operations> {
  const during = (context: RequestContext) => database.during(context);
  return {
    schedule: ({ headers, body, context }) => {
      requireOneLineEach(body.lines);
      const step = { key: String(headers['idempotency-key']), request: { schedule: body } };
      return answerStep(during(context), 'shipping', step, (trx) => schedule(trx, body, leavesAt()));
    },

    cancelShipment: ({ path: { orderNumber }, headers, context }) => {
      const step = { key: String(headers['idempotency-key']), request: { cancel: orderNumber } };
      return answerStep(during(context), 'shipping', step, (trx) => cancel(trx, orderNumber));
    },

    getShipment: async ({ path: { orderNumber }, context }) => {
      const found = await select(during(context), orderNumber).executeTakeFirst();
      if (found === undefined)
        throw new Problem('not-found', `There is no shipment for the order "${orderNumber}".`);
      return { body: toShipment(found) };
    },
  };
}
