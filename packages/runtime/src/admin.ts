import express, { type Express, type Router } from 'express';
import { checkReadiness, type HealthChecks } from './health.ts';
import type { Metrics } from './metrics.ts';
import { summarizeRoutes } from './metrics-summary.ts';
import { Problem, sendProblem, toProblem } from './problems.ts';

export interface AdminOptions {
  readonly metrics: Metrics;
  readonly checks: HealthChecks | (() => HealthChecks);
  /** Names of what works by a substitute: it makes nothing unready. */
  readonly degraded?: (() => readonly string[]) | undefined;
  /** What each of its parts is doing, such as standing by for another process. */
  readonly states?: (() => Readonly<Record<string, string>>) | undefined;
  /** True once the process has been told to stop. */
  readonly stopping: () => boolean;
  /** What `/metrics.json` has beside the routes. */
  readonly summary?: (() => Promise<object>) | undefined;
  /** What this process offers its operators beside the usual. */
  readonly extra?: Router | undefined;
}

/** What operators and orchestrators ask of a process: `/livez`, `/readyz`, `/metrics`, `/metrics.json`. */
export function createAdminApp({
  metrics,
  checks,
  degraded = () => [],
  states,
  stopping,
  summary,
  extra,
}: AdminOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/livez', (_req, res) => {
    res.json({ live: true });
  });
  app.get('/readyz', async (_req, res) => {
    const readiness = stopping()
      ? { ready: false, notReady: ['stopping'] }
      : await checkReadiness(typeof checks === 'function' ? checks() : checks);
    const names = degraded();
    res.status(readiness.ready ? 200 : 503).json({
      ...readiness,
      ...(names.length > 0 && { degraded: names }),
      ...(states !== undefined && { states: states() }),
    });
  });
  app.get('/metrics', async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  app.get('/metrics.json', async (_req, res) => {
    const routes = await summarizeRoutes(metrics);
    const head = { process: metrics.process, uptimeSeconds: Math.round(process.uptime()) };
    res.json({ ...head, routes, ...(await summary?.()) });
  });
  if (extra !== undefined) app.use(extra);
  app.use(() => {
    throw new Problem('not-found', 'No admin endpoint has this path.');
  });
  app.use(((error, _req, res, _next) =>
    sendProblem(res, toProblem(error), undefined)) as express.ErrorRequestHandler);
  return app;
}
