import { identitySettings } from '@portico/runtime/identity.ts';
import { httpUrl } from '@portico/runtime/process-config.ts';
import Type, { type Static } from 'typebox';

export const ordersSettings = Type.Object({
  /** Read once more, for the connections of the sagas. */
  DATABASE_URL: Type.String(),
  CATALOG_URL: httpUrl,
  INVENTORY_URL: httpUrl,
  PAYMENTS_URL: httpUrl,
  SHIPPING_URL: httpUrl,
  /** The hub's database, which tells what was shipped; nobody follows it when left out. */
  HUB_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://', description: 'a postgres:// URL' })),
  /** Gives this service the token by which it acts for its sagas. */
  OIDC_ISSUER: Type.Required(Type.Object(identitySettings)).properties.OIDC_ISSUER,
  ORDERS_CLIENT_SECRET: Type.String({ minLength: 1, description: 'the secret of the client "orders"' }),
  /** Steps of sagas that are under way at once, each on a connection to the database. */
  SAGA_CONCURRENCY: Type.Integer({ minimum: 1, maximum: 50, default: 16 }),
  /** A step that has to be done waits for an operator after so many tries in vain: by default, after some three minutes. */
  SAGA_PARK_AFTER_TRIES: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 100 }),
});

export type OrdersConfig = Static<typeof ordersSettings>;
