import type { components } from '@portico/contracts/generated/orders.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { refuseConflict, refuseInput, refuseUnknown, requireUser } from '../errors/refusals.ts';
import type { WebContext } from '../web-context.ts';

interface PlaceOrderInput {
  readonly idempotencyKey: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly paymentToken: string;
}

const maxLines = 100;
const maxQuantity = 1_000;

/** A payload has the order as the service answered it: that is as new as its commit. */
export const orderCommands = {
  Mutation: {
    placeOrder: async (_: unknown, { input }: { readonly input: PlaceOrderInput }, context: WebContext) => {
      const { requestContext, services } = context;
      requireUser(requestContext);
      const parameters = {
        header: { 'Idempotency-Key': input.idempotencyKey },
        body: readOrder(input, context),
      };
      const order = await services.orders
        .command('post', '/orders', parameters, requestContext)
        .catch((error: unknown) => explain(error, input, context));
      context.readAnew();
      return { order };
    },
    cancelOrder: async (_: unknown, { number }: { readonly number: string }, context: WebContext) => {
      const { requestContext, services, ids } = context;
      requireUser(requestContext);
      if (!ids.isOrder(number)) throw refuseUnknown('order', number);
      const order = await services.orders
        .command('post', '/orders/{number}/cancel', { path: { number } }, requestContext)
        .catch(tooLate);
      context.readAnew();
      return { order };
    },
  },
};

/** Orders refuses a whole order without saying it in the words of this API. @throws GraphQLError */
function readOrder(
  { idempotencyKey, lines, paymentToken }: PlaceOrderInput,
  { ids }: WebContext,
): components['schemas']['NewOrder'] {
  if (!ids.isIdempotencyKey(idempotencyKey))
    throw refuseInput('"idempotencyKey" must be 1 to 128 visible ASCII characters.');
  if (!ids.isPaymentToken(paymentToken))
    throw refuseInput('"paymentToken" must be 1 to 128 visible ASCII characters.');
  if (lines.length < 1 || lines.length > maxLines)
    throw refuseInput(`"lines" must be 1 to ${maxLines}, got ${lines.length}.`);
  for (const { quantity } of lines) {
    if (quantity < 1 || quantity > maxQuantity)
      throw refuseInput(`"quantity" must be from 1 to ${maxQuantity}, got ${quantity}.`);
  }
  return { lines: lines.map(({ sku, quantity }) => ({ productId: sku, quantity })), paymentToken };
}

/**
 * Which products there are is asked after orders: one that was taken is answered, whatever became of its products.
 * @throws GraphQLError for a product that there is not
 */
async function explain(error: unknown, { lines }: PlaceOrderInput, { loaders }: WebContext): Promise<never> {
  if (!(error instanceof ServiceError && error.status === 400)) throw error;
  const products = await Promise.all(lines.map(({ sku }) => loaders.product(sku)));
  const unknown = lines.find((_, at) => products[at] === null);
  throw unknown === undefined ? error : refuseUnknown('product', unknown.sku);
}

/** Of a cancellation, a conflict is none of idempotency keys. */
function tooLate(error: unknown): never {
  const isConflict = error instanceof ServiceError && error.problem === 'urn:portico:problem:conflict';
  throw isConflict ? refuseConflict(error.detail ?? 'The order can not be cancelled any more.') : error;
}
