import { setTimeout as delay } from 'node:timers/promises';
import { createServiceApp, type ServiceParts } from '@portico/runtime/service-app.ts';
import type { Express } from 'express';
import type { PaymentsTables } from './database.ts';
import { createProvider, type Wait } from './payment-provider.ts';
import { createPaymentsHandlers } from './payments-handlers.ts';

/** The payments service; `contracts/openapi/payments.yaml` says what it does. */
export function createPayments(
  parts: ServiceParts<PaymentsTables>,
  wait: Wait = (ms, signal) => delay(ms, undefined, { signal }),
): Express {
  return createServiceApp('payments', createPaymentsHandlers(parts.db, createProvider(wait)), parts);
}
