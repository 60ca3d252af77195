import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Router } from 'express';
import { createAdminApp } from './admin.ts';
import { ConfigError } from './config.ts';
import type { HealthChecks } from './health.ts';
import { createHttpServer, type HttpServerOptions } from './http-server.ts';
import { createLameDuck } from './lame-duck.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Problem } from './problems.ts';
import type { Tracing } from './tracing.ts';

export interface ProcessParts extends HttpServerOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  /** Or what gives them, where they change. */
  readonly checks: HealthChecks | (() => HealthChecks);
  /** Names of what works by a substitute at the moment: `/readyz` tells, and stays ready. */
  readonly degraded?: () => readonly string[];
  /** What each of its parts is doing, by name: `/readyz` tells. */
  readonly states?: () => Readonly<Record<string, string>>;
  readonly port: number;
  readonly adminPort: number;
  /** Answers `/readyz` on the public port as well, for what sends requests there; not where anybody may ask. */
  readonly showsReadiness?: boolean;
  /** Where the public port listens; every interface when left out. */
  readonly host?: string;
  readonly adminExtra?: Router | undefined;
  /** Ends what would go on by itself, such as open WebSockets, when the process was told to stop. */
  readonly leave?: () => void;
  /** What `/metrics.json` has beside the routes. */
  readonly summary?: () => Promise<object>;
  /** Lets go of what the process holds, after the last request is answered. */
  readonly close: () => Promise<unknown>;
}

/** How long requests in flight may go on after the process was told to stop. */
const drainTimeoutMs = 7_000;

/**
 * The life of a process:
 *  1. `start` reads the settings and builds the parts; whatever fails here is one line on stderr and exit 1.
 *  2. It listens, and tells the parent that forked it (`{ ready: { url, admin } }`).
 *  3. SIGTERM, SIGINT or the end of the parent: not ready any more; requests are taken until those who send them have
 *     noticed, and every answer ends its connection. Then no new connections; what is in flight is finished.
 *  4. It lets go of its resources and exits 0.
 */
export async function runProcess(start: () => Promise<ProcessParts> | ProcessParts): Promise<void> {
  // A parent that is gone before we listen for it must not leave us behind.
  let stop = (): void => process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop());
  if (process.send !== undefined) process.on('disconnect', () => stop());

  try {
    const parts = await start();
    stop = await listen(parts);
  } catch (error) {
    process.stderr.write(`${startFailure(error)}\n`);
    process.exit(1);
  }
}

/** Steps 2 to 4; the function that it gives begins step 3. */
async function listen(parts: ProcessParts): Promise<() => void> {
  const { log } = parts;
  let stopping = false;
  const { underWay, problems } = parts.metrics;
  const onRefusal = ({ problem }: Problem) => problems.inc({ route: 'none', problem });
  const lameDuck = createLameDuck();
  const adminApp = createAdminApp({ ...parts, extra: parts.adminExtra, stopping: () => stopping });
  const asksReadiness = ({ url }: IncomingMessage) => parts.showsReadiness === true && url === '/readyz';
  const server = createHttpServer({
    ...parts,
    onRefusal,
    handler: (req, res) => (asksReadiness(req) ? adminApp(req, res) : parts.handler(req, res)),
  });
  server.prependListener('request', (req, res) => {
    lameDuck.noted(asksReadiness(req) ? 'readiness' : 'request');
    if (stopping) res.setHeader('Connection', 'close');
    underWay.add(res);
  });
  const admin = createServer(adminApp);
  await listenOn(server, parts.port, parts.host);
  await listenOn(admin, parts.adminPort, '127.0.0.1');
  const addresses = { url: addressOf(server), admin: addressOf(admin) };
  log.info(addresses, 'ready');
  process.send?.({ ready: addresses });

  const finish = async () => {
    stopping = true;
    log.info('stopping');
    for (const res of underWay.all) if (!res.headersSent) res.setHeader('Connection', 'close');
    parts.leave?.();
    const toldAt = performance.now();
    await lameDuck.over();
    await closed(server, drainTimeoutMs - (performance.now() - toldAt));
    await Promise.all([parts.close(), parts.tracing?.close()]);
    await closed(admin, 0);
    log.info('stopped');
    process.exit(0);
  };
  return () => {
    if (stopping) return;
    finish().catch((error: unknown) => {
      log.error({ err: error }, 'could not stop in good order');
      process.exit(1);
    });
  };
}

function listenOn(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function addressOf(server: Server): string {
  const { port, address } = server.address() as AddressInfo;
  return `http://${address === '127.0.0.1' ? address : 'localhost'}:${port}`;
}

async function closed(server: Server, graceMs: number): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await done;
  clearTimeout(timer);
}

function startFailure(error: unknown): string {
  if (error instanceof ConfigError) return `wrong configuration: ${error.message}`;
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') return `port ${port} is in use by another program`;
  if (code === 'EACCES') return `port ${port} may not be used by this user`;
  return `could not start: ${error instanceof Error ? error.message : String(error)}`;
}
