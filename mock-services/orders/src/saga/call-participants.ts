import type { paths as InventoryPaths } from '@portico/contracts/generated/inventory.ts';
import type { paths as PaymentsPaths } from '@portico/contracts/generated/payments.ts';
import type { paths as ShippingPaths } from '@portico/contracts/generated/shipping.ts';
import { createDownstream } from '@portico/runtime/downstream.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createRandomHex } from '@portico/runtime/random-hex.ts';
import type { CallOptions, ServiceClient } from '@portico/service-client/service-client.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { StoredOrder } from '../store/order-store.ts';
import type { Outcome, Step } from './place-order.ts';
import type { StepRow } from './saga-steps.ts';
import type { ServiceToken } from './service-token.ts';

export interface Participants {
  readonly inventory: ServiceClient<InventoryPaths>;
  readonly payments: ServiceClient<PaymentsPaths>;
  readonly shipping: ServiceClient<ShippingPaths>;
}

/** Has a step done. @throws Error of any kind when nobody can tell what became of it */
export type Perform = (step: StepRow, stored: StoredOrder, signal: AbortSignal) => Promise<Outcome>;

/** How long a try may take: a payment waits for others. */
const tryTimeoutMs = 2_000;
const paymentTimeoutMs = 5_000;

/** Has steps done by the services that take part, as this service, in the trace of the order. */
export function createPerform(participants: Participants, token: ServiceToken, log: Logger): Perform {
  const newSpanId = createRandomHex(8);
  return async (step, stored, signal) => {
    const timeoutMs = step.name === 'authorise' ? paymentTimeoutMs : tryTimeoutMs;
    const bearer = await token.current();
    const context = {
      requestId: `step-${newSpanId()}`,
      traceparent: step.traceparent,
      deadline: Date.now() + timeoutMs,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      log,
      downstream: createDownstream(),
      cache: { hits: 0, misses: 0 },
      identity: { subject: 'orders', name: undefined, roles: ['service'], scopes: [], token: bearer },
    };
    try {
      return await call(participants, step, stored, { context });
    } catch (error) {
      if (error instanceof ServiceError && error.status === 401) token.forget(bearer);
      throw error;
    }
  };
}

const done: Outcome = { kind: 'done' };

async function call(
  { inventory, payments, shipping }: Participants,
  step: StepRow,
  { number: orderNumber, customerId, order }: StoredOrder,
  options: CallOptions,
): Promise<Outcome> {
  const header = { 'Idempotency-Key': step.id };
  const existing = { path: { orderNumber }, header };
  const lines = order.lines.map(({ productId, quantity }) => ({ productId, quantity }));
  switch (`${step.name}:${step.direction}` as `${Step['name']}:${Step['direction']}`) {
    case 'reserve:do': {
      const body = { orderNumber, lines };
      const answer = await inventory.command('post', '/reservations', { header, body }, options);
      if (answer.body.status === 'reserved') return done;
      return { kind: 'refused', reason: answer.body.reason ?? 'inventory_unavailable' };
    }
    case 'authorise:do': {
      const body = { orderNumber, customerId, amount: order.total, paymentToken: String(step.secret) };
      const answer = await payments.command('post', '/payments', { header, body }, options);
      if (answer.body.status === 'authorised') return done;
      return { kind: 'refused', reason: answer.body.reason ?? 'payment_declined' };
    }
    case 'schedule:do': {
      const body = { orderNumber, customerId, lines };
      const answer = await shipping.command('post', '/shipments', { header, body }, options);
      if (answer.body.status !== 'cancelled') return done;
      return { kind: 'refused', reason: 'shipping_unavailable' };
    }
    case 'capture:do':
      await payments.command('post', '/payments/{orderNumber}/capture', existing, options);
      return done;
    case 'commit:do':
      await inventory.command('post', '/reservations/{orderNumber}/commit', existing, options);
      return done;
    case 'schedule:undo': {
      const answer = await shipping.command('post', '/shipments/{orderNumber}/cancel', existing, options);
      return answer.body.status === 'shipped' ? { kind: 'shipped' } : done;
    }
    case 'authorise:undo':
      await payments.command('post', '/payments/{orderNumber}/refund', existing, options);
      return done;
    case 'reserve:undo':
      await inventory.command('post', '/reservations/{orderNumber}/release', existing, options);
      return done;
    case 'look:do': {
      const answer = await shipping
        .get('/shipments/{orderNumber}', { path: { orderNumber } }, options)
        .catch(unlessNothing);
      return answer?.status === 'shipped' ? { kind: 'shipped' } : done;
    }
    default:
      throw new TypeError(`nobody does ${step.id}`);
  }
}

/** There is no such thing, which is an answer as well. */
function unlessNothing(error: unknown): undefined {
  if (!(error instanceof ServiceError && error.status === 404)) throw error;
}
