import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { commandAnswer } from '../screen-answer.ts';
import { composeOrder } from './compose-order.ts';

type Handlers = OperationHandlers<operations>;

export function placeOrder({ orders }: ShopServices): Handlers['placeOrder'] {
  return async ({ headers, body, context }) => {
    const header = { 'Idempotency-Key': String(headers['idempotency-key']) };
    const order = await orders.command('post', '/orders', { header, body }, context).catch(noOrder);
    const answer = commandAnswer(composeOrder(order), context);
    return {
      ...answer,
      status: 202,
      headers: { ...answer.headers, Location: `/api/v1/orders/${order.number}` },
    };
  };
}

export function cancelOrder({ orders }: ShopServices): Handlers['cancelOrder'] {
  return async ({ path, context }) => {
    const order = await orders.command('post', '/orders/{number}/cancel', { path }, context).catch(tooLate);
    return { ...commandAnswer(composeOrder(order), context), status: 202 };
  };
}

/** Its lines, which mean to orders what they mean here, can't be an order: one that was taken is answered before that is asked. */
function noOrder(error: unknown): never {
  const isRefused = error instanceof ServiceError && error.status === 400;
  throw isRefused
    ? new Problem('invalid-request', error.detail ?? 'This can be no order.', { cause: error })
    : error;
}

/** Of a cancellation, a conflict is none of idempotency keys. */
function tooLate(error: unknown): never {
  const isConflict = error instanceof ServiceError && error.problem === 'urn:portico:problem:conflict';
  throw isConflict
    ? new Problem('conflict', error.detail ?? 'The order can not be cancelled any more.', { cause: error })
    : error;
}
