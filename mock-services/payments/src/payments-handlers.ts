import type { operations } from '@portico/contracts/generated/payments.ts';
import type { Database } from '@portico/runtime/database.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { answerStep, isStepTaken } from '@portico/runtime/saga-step.ts';
import type { PaymentsTables } from './database.ts';
import { readLedger } from './ledger.ts';
import type { PaymentProvider } from './payment-provider.ts';
import { authorise, capture, refund, toPayment } from './payments.ts';

/** The ledger is kept in one currency. */
const currency = 'EUR';

/** What each operation of payments does. */
export function createPaymentsHandlers(
  database: Database<PaymentsTables>,
  provider: PaymentProvider,
): OperationHandlers<operations> {
  const during = (context: RequestContext) => database.during(context);
  return {
    authorise: async ({ headers, body, context }) => {
      if (body.amount.currency !== currency)
        throw new Problem('invalid-request', `The body at "/amount/currency" must be ${currency}.`);
      const { paymentToken } = body;
      const step = { key: String(headers['idempotency-key']), request: { authorise: body } };
      // A provider takes its time, and no transaction is open meanwhile. What was answered once needs none.
      if (!(await isStepTaken(during(context), step.key))) await provider.reach(paymentToken, context.signal);
      return answerStep(during(context), 'payments', step, (trx) =>
        authorise(trx, body, provider.pays(paymentToken)),
      );
    },

    capture: ({ path: { orderNumber }, headers, context }) => {
      const step = { key: String(headers['idempotency-key']), request: { capture: orderNumber } };
      return answerStep(during(context), 'payments', step, (trx) => capture(trx, orderNumber));
    },

    refund: ({ path: { orderNumber }, headers, context }) => {
      const step = { key: String(headers['idempotency-key']), request: { refund: orderNumber } };
      return answerStep(during(context), 'payments', step, (trx) => refund(trx, orderNumber));
    },

    getPayment: async ({ path: { orderNumber }, context }) => {
      const rows = during(context).selectFrom('payments').selectAll();
      const found = await rows.where('order_number', '=', orderNumber).executeTakeFirst();
      if (found === undefined)
        throw new Problem('not-found', `There is no payment for the order "${orderNumber}".`);
      return { body: toPayment(found) };
    },

    getLedger: async ({ context }) => ({ body: await readLedger(during(context)) }),
  };
}
