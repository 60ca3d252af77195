/** A small process for the tests of `runProcess`: answers, and holds one request until it is told to stop. */
import Type from 'typebox';
import { readConfig } from './config.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { processSettings } from './process-config.ts';
import { runProcess } from './run-process.ts';

await runProcess(() => {
  const config = readConfig(Type.Object(processSettings), process.env);
  return {
    log: createLogger({ name: 'fixture', level: 'silent' }),
    metrics: createMetrics('fixture'),
    checks: {},
    host: '127.0.0.1',
    port: config.PORT,
    adminPort: config.ADMIN_PORT,
    close: async () => {},
    handler: (req, res) => {
      if (req.url !== '/until-stopped') return res.end('fine');
      process.send?.('in flight');
      const stop = () => res.end('not ready: stopping');
      // After the process's own listeners, which have made it stop.
      process.once('SIGTERM', stop).once('SIGINT', stop).once('disconnect', stop);
      return undefined;
    },
  };
});
