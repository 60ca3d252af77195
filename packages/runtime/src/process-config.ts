import Type from 'typebox';
import { tracingSettings } from './tracing.ts';

const port = Type.Integer({ minimum: 0, maximum: 65535 });

/** The settings that every process understands. */
export const processSettings = {
  /** Where the public port listens; a process in a container has to listen on all addresses to be reached. */
  PORTICO_HOST: Type.String({
    pattern: '^[0-9a-fA-F.:]+$',
    description: 'an IP address such as 0.0.0.0',
    default: '127.0.0.1',
  }),
  /** Public port; 0 takes any free one. */
  PORT: Type.Integer({ ...port, default: 0 }),
  /** Port of `/livez`, `/readyz` and `/metrics`, on 127.0.0.1; 0 takes any free one. */
  ADMIN_PORT: Type.Integer({ ...port, default: 0 }),
  LOG_LEVEL: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
  /** Demo mode: the fault switch, GraphiQL and introspection exist in it and nowhere else. */
  PORTICO_DEMO: Type.Boolean({ default: false }),
  ...tracingSettings,
};

/** The address of a database, as a setting. */
export const postgresUrl = Type.String({ pattern: '^postgres(ql)?://', description: 'a postgres:// URL' });

/** An http(s) address of another process, as a setting. */
export const httpUrl = Type.String({
  pattern: '^https?://[^\\s/@]+/?$',
  description: 'an http:// or https:// URL without a path',
});
