import { randomBytes } from 'node:crypto';
import { createFaultSwitch } from '@portico/runtime/fault-switch.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { openTracing } from '@portico/runtime/tracing.ts';
import { createAdminRouter } from './admin-routes.ts';
import { readIdentityConfig } from './config.ts';
import { createIdentity } from './create-identity.ts';
import { openKeyFolder } from './keys/key-folder.ts';
import { openSigningKeys } from './keys/signing-keys.ts';
import { createDemoUsers } from './users.ts';

function gatewayOf(config: ReturnType<typeof readIdentityConfig>) {
  const { OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret, PORTICO_PUBLIC_URL: publicUrl } = config;
  return secret === undefined || publicUrl === undefined ? undefined : { id, secret, publicUrl };
}

await runProcess(async () => {
  const config = readIdentityConfig(process.env);
  const log = createLogger({ name: 'identity', level: config.LOG_LEVEL });
  const metrics = createMetrics('identity');
  const tracing = await openTracing('identity', config, log);
  const faults = createFaultSwitch();
  const identity = createIdentity({
    issuer: `http://127.0.0.1:${config.PORTICO_IDENTITY_PORT}`,
    users: createDemoUsers(),
    keys: openSigningKeys(openKeyFolder(config.PORTICO_IDENTITY_DIR)),
    cookieKey: randomBytes(32).toString('base64url'),
    ordersSecret: config.ORDERS_CLIENT_SECRET,
    gateway: gatewayOf(config),
    log,
    metrics,
    tracing,
    faults: config.PORTICO_DEMO ? faults.middleware : undefined,
  });
  return {
    log,
    metrics,
    tracing,
    handler: identity.app,
    checks: {},
    host: '127.0.0.1',
    port: config.PORTICO_IDENTITY_PORT,
    adminPort: config.ADMIN_PORT,
    adminExtra: config.PORTICO_DEMO ? createAdminRouter(identity, faults) : undefined,
    close: async () => {},
  };
});
