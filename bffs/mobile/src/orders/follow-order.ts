import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import { answerHeaders } from '@portico/runtime/answer-headers.ts';
import type { StreamEvent } from '@portico/runtime/event-stream.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { StreamBody } from '../screen-answer.ts';
import { composeOrder } from './compose-order.ts';
import { noSuchOrder } from './show-orders.ts';

/** The events of an order of whoever asks, as a stream. */
export function followOrder({ orders }: ShopServices): OperationHandlers<operations>['followOrder'] {
  return async ({ path: { number }, headers, context }) => {
    const updates = await orders.updates(number, headers['last-event-id'], context);
    if (updates === null) throw noSuchOrder(number);
    async function* events(signal: AbortSignal): AsyncGenerator<StreamEvent> {
      for await (const { id, isReset, order, traceparent } of updates?.(signal) ?? []) {
        if (isReset) yield { event: 'reset', data: '{}' };
        yield { id, data: JSON.stringify(composeOrder(order)), traceparent };
      }
    }
    // For its router the body of a stream is nothing that could be checked.
    const body = new StreamBody(events) as unknown as undefined;
    return { body, headers: answerHeaders('portico-mobile', context) };
  };
}
