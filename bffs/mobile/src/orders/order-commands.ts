import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { commandAnswer } from '../screen-answer.ts';
import { openReads } from '../shop-reads.ts';
import { composeOrder } from './compose-order.ts';

type Handlers = OperationHandlers<operations>;

/** Orders refuses a whole order without saying it in the words of this API, so products are looked at before. */
export function placeOrder(clients: ShopServices): Handlers['placeOrder'] {
  return async ({ headers, body, context }) => {
    const ids = body.lines.map(({ productId }) => productId);
    const twice = ids.find((id, at) => ids.indexOf(id) < at);
    if (twice !== undefined)
      throw new Problem('invalid-request', `Each product once: "${twice}" stands in two lines.`);
    const reads = openReads(clients, context);
    const products = await Promise.all(ids.map((id) => reads.product(id)));
    const unknown = ids.find((_, at) => products[at] === null);
    if (unknown !== undefined) throw new Problem('invalid-request', `No product has the id "${unknown}".`);
    const header = { 'Idempotency-Key': String(headers['idempotency-key']) };
    const order = await clients.orders.command('post', '/orders', { header, body }, context);
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

/** Of a cancellation, a conflict is none of idempotency keys. */
function tooLate(error: unknown): never {
  const isConflict = error instanceof ServiceError && error.problem === 'urn:portico:problem:conflict';
  throw isConflict
    ? new Problem('conflict', error.detail ?? 'The order can not be cancelled any more.', { cause: error })
    : error;
}
