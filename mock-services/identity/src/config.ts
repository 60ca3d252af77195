import { readConfig } from '@portico/runtime/config.ts';
import { processSettings } from '@portico/runtime/process-config.ts';
import { tracingSettings } from '@portico/runtime/tracing.ts';
import Type from 'typebox';

const { ADMIN_PORT, LOG_LEVEL, PORTICO_DEMO } = processSettings;

const settings = Type.Object({
  ADMIN_PORT,
  LOG_LEVEL,
  PORTICO_DEMO,
  ...tracingSettings,
  /** Of 127.0.0.1. Tokens name the address that it makes, so it can't be just any free one. */
  PORTICO_IDENTITY_PORT: Type.Integer({ minimum: 1, maximum: 65535, default: 8081 }),
  /** The folder that keeps the signing keys. */
  PORTICO_IDENTITY_DIR: Type.String({ minLength: 1, description: 'a folder for the signing keys' }),
  /** The gateway's client, where it is asked for, and where browsers reach the gateway; there is no such client when a part is left out. */
  OIDC_CLIENT_ID: Type.String({ minLength: 1, default: 'portico-gateway' }),
  OIDC_CLIENT_SECRET: Type.Optional(Type.String({ minLength: 16, description: 'at least 16 characters' })),
  PORTICO_PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^/\\s?#@]+$',
      description: 'an http:// or https:// URL without a path',
    }),
  ),
  /** By which the service `orders` gets tokens of its own; it gets none when left out. */
  ORDERS_CLIENT_SECRET: Type.Optional(Type.String({ minLength: 16, description: 'at least 16 characters' })),
});

/** @throws ConfigError */
export function readIdentityConfig(env: NodeJS.ProcessEnv) {
  return readConfig(settings, env);
}
