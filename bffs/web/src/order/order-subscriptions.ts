import type { Order } from '@portico/coherent-cache/orders/order-service.ts';
import type { OrderUpdate } from '@portico/coherent-cache/orders/order-updates.ts';
import { refuseRequest, refuseUnknown, requireUser } from '../errors/refusals.ts';
import type { Subscriber, WebContext } from '../web-context.ts';

export const orderSubscriptions = {
  Subscription: {
    orderUpdated: {
      subscribe: async (_: unknown, { number }: { readonly number: string }, context: WebContext) => {
        const { requestContext, services, ids, subscriber } = context;
        requireUser(requestContext);
        if (subscriber === undefined) throw refuseRequest('Subscribe with "Accept: text/event-stream".');
        const updates = ids.isOrder(number)
          ? await services.orders.updates(number, subscriber.after, requestContext)
          : null;
        if (updates === null) throw refuseUnknown('order', number);
        return oneByOne(updates(subscriber.signal), subscriber, context);
      },
      resolve: ({ order }: OrderUpdate): Order => order,
    },
  },
};

/** Each is resolved before the next one is taken, with what is read from then on: at least as new as the update. */
async function* oneByOne(updates: AsyncIterable<OrderUpdate>, subscriber: Subscriber, context: WebContext) {
  for await (const update of updates) {
    context.readAnew();
    subscriber.update = update;
    yield update;
  }
}
