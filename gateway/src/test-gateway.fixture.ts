import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import {
  httpAnswer,
  type Script,
  type ScriptedServer,
  startScriptedServer,
} from '@portico/testing/scripted-server.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { createGateway, type Gateway, type GatewayOptions } from './create-gateway.ts';
import { createRateLimits } from './rate-limit/rate-limits.ts';
import { createMemorySessionStore } from './session/memory-session-store.ts';
import { createSessionMetrics } from './session/session-metrics.ts';
import { readGatewayFile } from './table/read-gateway-file.ts';
import { type RouteTable, toRouteTable } from './table/route-table.ts';
import { createUpstreamMetrics } from './upstreams/upstream-metrics.ts';
import { createOpenWebSockets } from './web-socket/open-web-sockets.ts';

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
  /** Stands for every upstream. */
  readonly upstream: ScriptedServer;
  /** What the gateway answers with, in the order of the requests. */
  readonly answers: readonly ServerResponse[];
  /** Sends these bytes as they are and gives all that comes back until the connection ends. */
  readonly send: (bytes: string) => Promise<string>;
}

export const answersOk: Script = () => [
  httpAnswer(200, '{"data":{}}', { 'Content-Type': 'application/json' }),
];

/** Portico's own routes, in front of one server that stands for every upstream. */
export function porticoTable(url: string): RouteTable {
  const path = fileURLToPath(new URL('../gateway.yaml', import.meta.url));
  return toRouteTable(
    readGatewayFile(path, {
      WEB_URL: url,
      MOBILE_URL: url,
      SITE_URL: url,
      OIDC_ISSUER: 'http://127.0.0.1:1',
      ...signInSettings,
    }),
  );
}

export interface TestGatewayOptions extends Partial<Omit<GatewayOptions, 'table'>> {
  /** A table, or what makes one for the upstream's URL; Portico's own when left out. */
  readonly table?: RouteTable | ((url: string) => RouteTable);
}

/** A gateway with a scripted server behind it, for as long as the test runs. */
export async function startTestGateway(
  t: TestContext,
  script: Script = answersOk,
  options: TestGatewayOptions = {},
): Promise<TestGateway> {
  const upstream = await startScriptedServer(script);
  const { table = porticoTable } = options;
  const metrics = createMetrics('gateway');
  const gateway = createGateway({
    rateLimits: createRateLimits({ log: silentLogger }),
    openWebSockets: createOpenWebSockets(),
    sessions: {
      store: createMemorySessionStore(),
      secrets: [signInSettings.PORTICO_SESSION_SECRET],
      metrics: createSessionMetrics(metrics),
    },
    log: silentLogger,
    metrics,
    upstreamMetrics: createUpstreamMetrics(metrics),
    viaName: 'portico-test',
    ...options,
    table: typeof table === 'function' ? table(upstream.url) : table,
  });
  const answers: ServerResponse[] = [];
  const server = createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
    answers.push(res);
    gateway.handler(req, res);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    gateway.close();
    await upstream.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    gateway,
    upstream,
    answers,
    send: (bytes) => sendBytes(port, bytes),
  };
}

/** Sends bytes (text as Latin-1) to a port of 127.0.0.1 and gives all that comes back until the connection ends. */
export async function sendBytes(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    received += text;
  });
  // A connection that is broken off is one way for an answer to end.
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

/** A request in bytes that asks for the connection to be closed after the answer. */
export function requestBytes(requestLine: string, fields: readonly string[] = [], body = ''): string {
  return `${[`${requestLine} HTTP/1.1`, 'Host: portico.test', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n${body}`;
}

/** The status of an answer in bytes; undefined when it has none. */
export function statusOf(answer: string): number | undefined {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  return status === undefined ? undefined : Number(status);
}
