import { fileURLToPath } from 'node:url';
import { readConfig } from '@portico/runtime/config.ts';
import { processSettings } from '@portico/runtime/process-config.ts';
import { tracingSettings } from '@portico/runtime/tracing.ts';
import Type from 'typebox';

function milliseconds(usual: number) {
  return Type.Integer({ minimum: 1, maximum: 3_600_000, default: usual });
}

const port = Type.Optional(Type.Integer({ minimum: 0, maximum: 65535 }));

const sessionSecret = Type.String({ minLength: 32, description: 'at least 32 characters' });

const settings = Type.Object({
  LOG_LEVEL: processSettings.LOG_LEVEL,
  ...tracingSettings,
  /** The gateway.yaml; Portico's own when left out. */
  PORTICO_CONFIG: Type.String({ default: fileURLToPath(new URL('../gateway.yaml', import.meta.url)) }),
  /** Public port, on every interface; 0 takes any free one. The file's when left out. */
  PORTICO_PORT: port,
  /** Port of `/livez`, `/readyz` and `/metrics`, on 127.0.0.1; 0 takes any free one. The file's when left out. */
  PORTICO_ADMIN_PORT: port,
  /** Where instances count requests together for rate limits, and keep sessions; each by itself when left out. */
  REDIS_URL: Type.Optional(Type.String({ pattern: '^rediss?://', description: 'a redis:// URL' })),
  /** What sessions are sealed with, the same in all instances; and the one before it, so that those it sealed live on. */
  PORTICO_SESSION_SECRET: Type.Optional(sessionSecret),
  PORTICO_SESSION_SECRET_BEFORE: Type.Optional(sessionSecret),
  /** The most that the head of a request may take to arrive, and a whole request, in milliseconds. */
  PORTICO_HEAD_TIMEOUT_MS: milliseconds(10_000),
  PORTICO_REQUEST_TIMEOUT_MS: milliseconds(30_000),
  /** The most that an upstream may take to begin its answer, and to go on with it, in milliseconds. */
  PORTICO_FIRST_BYTE_TIMEOUT_MS: milliseconds(10_000),
  PORTICO_IDLE_TIMEOUT_MS: milliseconds(30_000),
});

/** @throws ConfigError */
export function readGatewayConfig(env: NodeJS.ProcessEnv) {
  return readConfig(settings, env);
}
