import { randomBytes } from 'node:crypto';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { readGatewayConfig } from './config.ts';
import { createGateway } from './create-gateway.ts';
import { checkUpstream } from './upstreams/check-upstream.ts';

await runProcess(() => {
  const config = readGatewayConfig(process.env);
  const log = createLogger({ name: 'gateway', level: config.LOG_LEVEL });
  const metrics = createMetrics('gateway');
  const gateway = createGateway({
    upstreams: { web: config.WEB_URL, mobile: config.MOBILE_URL, site: config.SITE_URL },
    log,
    metrics,
    viaName: `portico-${randomBytes(4).toString('hex')}`,
  });
  return {
    log,
    metrics,
    handler: gateway.handler,
    checks: { web: checkUpstream(config.WEB_URL), mobile: checkUpstream(config.MOBILE_URL) },
    port: config.PORTICO_PORT,
    adminPort: config.PORTICO_ADMIN_PORT,
    close: async () => gateway.close(),
  };
});
