import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Router } from 'express';
import { createAdminApp } from './admin.ts';
import { ConfigError } from './config.ts';
import type { HealthChecks } from './health.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { Problem, type ProblemName, problemBody, problemTypes, sendProblem } from './problems.ts';

export interface ProcessParts {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly handler: RequestListener;
  /** Or what gives them, where they change. */
  readonly checks: HealthChecks | (() => HealthChecks);
  readonly port: number;
  readonly adminPort: number;
  /** Where the public port listens; every interface when left out. */
  readonly host?: string;
  /** The most that a whole request may take to arrive, in milliseconds. */
  readonly requestTimeoutMs?: number;
  readonly adminExtra?: Router | undefined;
  /** Lets go of what the process holds, after the last request is answered. */
  readonly close: () => Promise<unknown>;
}

/** How long requests in flight may go on after the process was told to stop. */
const drainTimeoutMs = 7_000;

/**
 * The life of a process:
 *  1. `start` reads the settings and builds the parts; whatever fails here is one line on stderr and exit 1.
 *  2. It listens, and tells the parent that forked it (`{ ready: { url, admin } }`).
 *  3. SIGTERM, SIGINT or the end of the parent: not ready any more, no new connections, what is in flight is finished.
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
  const inFlight = new Set<ServerResponse>();
  const server = createHttpServer(parts);
  server.prependListener('request', (_req, res) => {
    if (stopping) res.setHeader('Connection', 'close');
    inFlight.add(res);
    res.once('close', () => inFlight.delete(res));
  });
  const admin = createServer(createAdminApp({ ...parts, extra: parts.adminExtra, stopping: () => stopping }));
  await listenOn(server, parts.port, parts.host);
  await listenOn(admin, parts.adminPort, '127.0.0.1');
  const addresses = { url: addressOf(server), admin: addressOf(admin) };
  log.info(addresses, 'ready');
  process.send?.({ ready: addresses });

  const finish = async () => {
    stopping = true;
    log.info('stopping');
    for (const res of inFlight) if (!res.headersSent) res.setHeader('Connection', 'close');
    await closed(server, drainTimeoutMs);
    await parts.close();
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

/** An HTTP server with limits on what a client may send and how long it may take, whose refusals are problems too. */
function createHttpServer(parts: ProcessParts): Server {
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      // How soon a late head or request is found out.
      connectionsCheckingInterval: 1_000,
      // Node's own refusal has no body; ours below is a problem.
      requireHostHeader: false,
      requestTimeout: parts.requestTimeoutMs ?? 30_000,
      // Longer than any client of ours keeps an idle connection, so that no request meets a closing one.
      keepAliveTimeout: 75_000,
    },
    withHost(parts.handler),
  );
  server.maxHeadersCount = 100;
  server.on('clientError', refuseUnreadable);
  server.on('checkExpectation', (req: IncomingMessage, res) => {
    const problem = new Problem('expectation-failed', 'Only "Expect: 100-continue" is understood.');
    res.writeHead(417, { 'Content-Type': 'application/problem+json', Connection: 'close' });
    res.end(problemBody(problem, undefined));
    req.resume();
  });
  return server;
}

/** RFC 9112 section 3.2: a request of HTTP/1.1 without a Host is refused. */
function withHost(handler: RequestListener): RequestListener {
  return (req, res) => {
    if (req.headers.host !== undefined || req.httpVersion !== '1.1') return handler(req, res);
    res.setHeader('Connection', 'close');
    sendProblem(res, new Problem('invalid-request', 'The field Host is missing.'), undefined);
  };
}

const unreadable: Readonly<Record<string, [ProblemName, string]>> = {
  HPE_HEADER_OVERFLOW: ['fields-too-large', 'All header fields together may have 16 kB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time.'],
};

/** Answers bytes that are not a request; nothing has been decided on them, so the connection ends. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [name, detail] = unreadable[error.code ?? ''] ?? [
    'invalid-request',
    'This is not a valid HTTP/1.1 request.',
  ];
  const body = problemBody(new Problem(name, detail), undefined);
  socket.end(
    `HTTP/1.1 ${problemTypes[name].status} ${problemTypes[name].title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
  );
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
