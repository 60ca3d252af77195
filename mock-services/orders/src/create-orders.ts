import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import type { OrdersTables } from './database.ts';
import { createOrdersHandlers, type OrdersHandlerParts } from './orders-handlers.ts';

export type OrdersParts = ServiceParts<OrdersTables> & Pick<OrdersHandlerParts, 'catalog' | 'wake'>;

/** The orders service; `contracts/openapi/orders.yaml` says what it does. */
export function createOrders(parts: OrdersParts): Express {
  return createServiceApp('orders', createOrdersHandlers({ now: Date.now, ...parts }), parts);
}
