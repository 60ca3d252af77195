import type { Order } from '@portico/coherent-cache/orders/order-service.ts';
import type { components as Mobile } from '@portico/contracts/generated/mobile.ts';
import { toMoney } from '../products/compose-product-card.ts';

/** An order as the app shows it. */
export function composeOrder(order: Order): Mobile['schemas']['Order'] {
  const { number, status, reason, total, lines, timeline, placedAt } = order;
  return {
    number,
    status,
    ...(reason !== undefined && { reason }),
    total: toMoney(total),
    lines: lines.map(({ productId, quantity, unitPrice }) => ({
      productId,
      quantity,
      unitPrice: toMoney(unitPrice),
    })),
    timeline: timeline.map(({ type, at }) => ({ type, at })),
    placedAt,
  };
}
