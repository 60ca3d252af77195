import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, readConfig } from '@portico/runtime/config.ts';
import { identitySettings } from '@portico/runtime/identity.ts';
import Type from 'typebox';
import { type ServiceName, serviceNames } from './service-names.ts';

export interface DemoConfig {
  /** The gateway's public port; 0 takes any free one. */
  readonly port: number;
  /** The gateway's admin port, on 127.0.0.1; 0 takes any free one. */
  readonly adminPort: number;
  /** The identity provider's port, on 127.0.0.1; 0 takes any free one. */
  readonly identityPort: number;
  /** An OpenID provider to use instead of the demo's own. */
  readonly oidcIssuer: string | undefined;
  /** What the provider knows the gateway by. */
  readonly oidcClientId: string;
  /** What the gateway proves that with; made by the demo for its own provider. */
  readonly oidcClientSecret: string | undefined;
  /** The origin at which browsers reach the gateway; of this machine when left out. */
  readonly publicUrl: string | undefined;
  /** Absolute path of everything that the demo writes. */
  readonly dataDir: string;
  readonly products: number;
  /** Services that are played from their OpenAPI documents instead of run. */
  readonly mocked: readonly ServiceName[];
  /** How inventory's changes become known: its database's log is captured, it posts them, or nothing tells. */
  readonly inventoryChanges: 'log' | 'post' | 'none';
  /** A PostgreSQL server to use instead of the embedded one. */
  readonly databaseUrl: string | undefined;
  /** A Redis server to use instead of one found on PATH. */
  readonly redisUrl: string | undefined;
  /** What every process that the demo starts finds in its environment: what we found, without what is ours to say. */
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
}

/** The repository's top folder. */
export const repositoryDir = fileURLToPath(new URL('../../', import.meta.url));

const portNames = ['PORTICO_PORT', 'PORTICO_ADMIN_PORT', 'PORTICO_IDENTITY_PORT'] as const;
const port = Type.Integer({ minimum: 0, maximum: 65535 });
const demoSettings = Type.Object({
  PORTICO_PORT: Type.Integer({ ...port, default: 8080 }),
  PORTICO_ADMIN_PORT: Type.Integer({ ...port, default: 9901 }),
  PORTICO_IDENTITY_PORT: Type.Integer({ ...port, default: 8081 }),
  PORTICO_DATA_DIR: Type.String({ default: resolve(repositoryDir, '.portico') }),
  PORTICO_DEMO_PRODUCTS: Type.Integer({ minimum: 1, maximum: 100_000, default: 1000 }),
  PORTICO_MOCK: Type.String({ default: '' }),
  PORTICO_INVENTORY_CHANGES: Type.Union([Type.Literal('log'), Type.Literal('post'), Type.Literal('none')], {
    default: 'log',
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://[^/]',
      description: 'a postgres:// URL of a PostgreSQL server',
    }),
  ),
  REDIS_URL: Type.Optional(
    Type.String({ pattern: '^rediss?://', description: 'a redis:// or rediss:// URL of a Redis server' }),
  ),
  ...identitySettings,
  OIDC_CLIENT_ID: Type.String({ minLength: 1, default: 'portico-gateway' }),
  OIDC_CLIENT_SECRET: Type.Optional(Type.String({ minLength: 16, description: 'at least 16 characters' })),
  PORTICO_PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^/\\s?#@]+$',
      description: 'an http:// or https:// URL without a path',
    }),
  ),
});

/** @throws ConfigError with one line. */
export function readDemoConfig(env: Readonly<Record<string, string | undefined>> = process.env): DemoConfig {
  const settings = readConfig(demoSettings, env);
  refuseSamePorts(settings);
  return Object.freeze({
    port: settings.PORTICO_PORT,
    adminPort: settings.PORTICO_ADMIN_PORT,
    identityPort: settings.PORTICO_IDENTITY_PORT,
    oidcIssuer: settings.OIDC_ISSUER,
    oidcClientId: settings.OIDC_CLIENT_ID,
    oidcClientSecret: settings.OIDC_CLIENT_SECRET,
    publicUrl: settings.PORTICO_PUBLIC_URL,
    dataDir: resolve(settings.PORTICO_DATA_DIR),
    products: settings.PORTICO_DEMO_PRODUCTS,
    mocked: readMocked(settings.PORTICO_MOCK),
    inventoryChanges: settings.PORTICO_INVENTORY_CHANGES,
    databaseUrl: settings.DATABASE_URL,
    redisUrl: settings.REDIS_URL,
    baseEnv: Object.fromEntries(Object.entries(env).filter(([name]) => !isOurs(name))),
  });
}

/** Names of services separated by commas, or `all`. */
function readMocked(text: string): readonly ServiceName[] {
  const names = text.split(',').map((name) => name.trim());
  if (text.trim() === 'all') return serviceNames;
  const unknown = names.find((name) => name !== '' && !serviceNames.some((known) => known === name));
  if (unknown !== undefined) {
    throw new ConfigError(
      `PORTICO_MOCK must be "all" or name services out of ${serviceNames.join(', ')}, got ${JSON.stringify(unknown)}`,
    );
  }
  return serviceNames.filter((name) => names.includes(name));
}

function refuseSamePorts(settings: Readonly<Record<(typeof portNames)[number], number>>): void {
  for (const [index, name] of portNames.entries()) {
    const twin = portNames.slice(0, index).find((other) => settings[other] === settings[name]);
    if (twin !== undefined && settings[name] !== 0) {
      throw new ConfigError(`${twin} and ${name} must differ, both are ${settings[name]}`);
    }
  }
}

/**
 * PG* would change what PostgreSQL's clients make of the URLs that they are given; OTEL_SERVICE_NAME would give all the same
 * name in traces.
 */
function isOurs(name: string): boolean {
  return /^(PORTICO_.*|PG.*|(ADMIN_)?PORT|DATABASES|CAPTURED|SILENT_SERVICES|CHANGES_SECRET|POST_[A-Z]+_SECRET|OIDC_[A-Z_]+|OTEL_SERVICE_NAME|[A-Z]+_URL)$/.test(
    name,
  );
}
