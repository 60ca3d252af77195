import { readConfig } from '@portico/runtime/config.ts';
import { httpUrl, processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';

const settings = Type.Object({
  LOG_LEVEL: processSettings.LOG_LEVEL,
  /** Public port, on every interface; 0 takes any free one. */
  PORTICO_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8080 }),
  /** Port of `/livez`, `/readyz` and `/metrics`, on 127.0.0.1; 0 takes any free one. */
  PORTICO_ADMIN_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 9901 }),
  WEB_URL: httpUrl,
  MOBILE_URL: httpUrl,
  /** Serves the start page and the product pictures. Without it these paths don't exist. */
  SITE_URL: Type.Optional(httpUrl),
});

/** @throws ConfigError */
export function readGatewayConfig(env: NodeJS.ProcessEnv) {
  return readConfig(settings, env);
}
