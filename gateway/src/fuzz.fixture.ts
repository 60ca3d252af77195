import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createRandom, type Random } from '@portico/runtime/seeded-random.ts';
import type { Step } from '@portico/testing/scripted-server.ts';
import { type FuzzRequest, makeRequest } from './fuzz-requests.fixture.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.fixture.ts';
import { type Answer, readAnswers } from './read-answers.fixture.ts';
import { type Arrival, startRecordingOrigin } from './recording-origin.fixture.ts';
import { createRouteMatcher } from './table/match-route.ts';
import { porticoTable, requestBytes, sendBytes, statusOf } from './test-gateway.fixture.ts';
import { upstreamCases } from './upstream.cases.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** How many requests are sent. */
  readonly count: number;
}

const parallelConnections = 24;
const mostPipelined = 12;
/** For what does not end: a few in a hundred. */
const waitMs = '500';

/** Those that don't wait for a time to be over. */
const misbehaviours = upstreamCases
  .filter(({ method }) => method === undefined)
  .filter(({ steps, client }) => steps.length > 1 || (client !== 'cut' && client.status !== 504))
  .map(({ steps }) => steps);

const findRoute = createRouteMatcher(porticoTable('http://upstream').routes);
const gatewayFields = new Set([
  ...[
    'host',
    'connection',
    'content-length',
    'transfer-encoding',
    'x-request-id',
    'traceparent',
    'tracestate',
  ],
  ...['portico-timeout-ms', 'via', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
]);

/**
 * Sends requests made from a seed to the gateway's process, several at once on connections of which each is used for
 * several, in front of an upstream that misbehaves now and then, and asserts:
 *  1. The process stays the same, and says nothing.
 *  2. All that comes back are HTTP answers, each to its own request and none of them a 500.
 *  3. What arrives behind the gateway is in its table of routes, has the fields that the table names, and is a request
 *     that was sent, with its target and body.
 *  4. A clean request is answered all the while, and in the end there are as many connections as at the beginning, and
 *     not much more memory in use.
 */
export async function fuzzGateway({ seed, count }: FuzzOptions): Promise<void> {
  const random = createRandom(seed);
  const sent = new Map<number, FuzzRequest>();
  const origin = await startRecordingOrigin((arrival) => answerOf(seed, arrival));
  const gateway = await startGatewayProcess(origin.url, {
    PORTICO_HEAD_TIMEOUT_MS: waitMs,
    PORTICO_REQUEST_TIMEOUT_MS: waitMs,
    // What V8 may put off collecting; a leak would end the process.
    NODE_OPTIONS: '--max-old-space-size=128',
  });
  let nextId = 1;

  const sendSome = async (until: number) => {
    while (nextId < until) {
      const requests = makeRequests(random, nextId);
      nextId += requests.length;
      for (const request of requests) sent.set(request.id, request);
      await assertAnswered(gateway.port, requests);
      for (const arrival of origin.take()) assertSent(sent, arrival);
      for (const { id } of requests) sent.delete(id - 2_000);
    }
  };
  const sendMany = async (until: number) => {
    while (nextId < until) {
      const step = Math.min(nextId + 1_000, until);
      await Promise.all(Array.from({ length: parallelConnections }, () => sendSome(step)));
      gateway.assertAlive(`seed ${seed}, request ${nextId}`);
      assert.deepEqual(origin.violations, []);
      assert.equal(statusOf(await sendBytes(gateway.port, requestBytes('GET /graphql'))), 200);
    }
  };

  try {
    // Until then it takes what it needs.
    await sendMany(Math.min(5_000, count / 4));
    const before = await use(gateway);
    await sendMany(count);
    await assertSameUse(gateway, before);
  } catch (error) {
    throw new Error(`seed ${seed}, before request ${nextId}: ${(error as Error).message}`, { cause: error });
  } finally {
    await gateway.stop();
    await origin.close();
  }
}

/** The requests of one connection; the last one ends it. */
function makeRequests(random: Random, firstId: number): FuzzRequest[] {
  const length = Math.floor(random() * mostPipelined);
  const calm = random() < 0.5;
  const requests = Array.from({ length }, (_, index) => makeRequest(random, firstId + index, calm));
  const id = firstId + length;
  const target = `/graphql?id=${id}`;
  const bytes = requestBytes(`GET ${target}`);
  return [...requests, { id, method: 'GET', target, bytes, body: '', plain: true, damaged: false }];
}

/** 2. */
async function assertAnswered(port: number, requests: readonly FuzzRequest[]): Promise<void> {
  const bytes = requests.map((request) => request.bytes).join('');
  const damaged = requests.findIndex((request) => request.damaged);
  const received = await sendAll(port, bytes, damaged !== -1);
  if (damaged !== -1 && requests.some(({ method }) => method === 'HEAD')) return;
  const { answers } = readAnswers(
    received,
    requests.map(({ method }) => method),
  );
  for (const [index, answer] of answers.entries()) {
    const where = JSON.stringify({ index, status: answer.status, bytes, received });
    assert.notEqual(answer.status, 500, where);
    assert.doesNotMatch(answer.body, /evil/, where);
    if (damaged === -1 || index < damaged) assertOwn(answer, requests[index], where);
  }
}

function assertOwn(answer: Answer, request: FuzzRequest | undefined, where: string): void {
  assert.ok(request, where);
  const id = answer.fields.get('x-id');
  if (id !== undefined) assert.equal(id, String(request.id), where);
  if (request.plain) assert.ok(answer.status < 400 || answer.status === 502, where);
}

/** 3. */
function assertSent(sent: ReadonlyMap<number, FuzzRequest>, arrival: Arrival): void {
  const { requestLine, target, fields, body } = arrival;
  const where = JSON.stringify({ requestLine, fields: [...fields], body });
  const [method = ''] = requestLine.split(' ');
  const route = findRoute(target.split('?')[0] as string, 'any');
  assert.ok(route, where);
  const { methods, requestFields } = route;
  assert.ok(new Set<string>(methods).has(method), where);
  for (const name of fields.keys()) assert.ok(gatewayFields.has(name) || requestFields.has(name), where);
  assert.equal(fields.get('x-forwarded-for'), '127.0.0.1', where);
  assert.doesNotMatch(target, /smuggled/, where);
  const request = sent.get(idOf(target));
  if (request === undefined || request.damaged || request.bytes === '') return;
  // There may be several spaces before it (RFC 9112 section 3).
  assert.equal(target, request.target.trim(), where);
  assert.equal(method, request.method, where);
  if (body !== undefined) assert.equal(body, request.body, where);
}

function idOf(target: string): number {
  return Number(/[?&]id=(\d+)$/.exec(target)?.[1]);
}

/** Mostly good answers, which name the request that they belong to. */
function answerOf(seed: number, { target }: Arrival): readonly Step[] {
  const id = idOf(target);
  const random = createRandom(seed * 1_000_003 + id);
  if (random() < 0.1 && !Number.isNaN(id)) {
    return misbehaviours[Math.floor(random() * misbehaviours.length)] as readonly Step[];
  }
  const body = `answer to ${id} ${'x'.repeat(random() * 500)}`;
  const head = `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n`;
  return random() < 0.5
    ? [`${head}Content-Length: ${body.length}\r\n\r\n${body}`]
    : [`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`];
}

async function sendAll(port: number, bytes: string, ends: boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let received = '';
  socket.on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  if (ends) socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

interface Use {
  readonly sockets: number;
  readonly bytes: number;
}

async function use({ admin }: GatewayProcess): Promise<Use> {
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  const read = (pattern: RegExp) => Number(pattern.exec(metrics)?.[1] ?? 0);
  return {
    sockets: read(/^nodejs_active_resources\{type="TCPSocketWrap".*\} (\d+)/m),
    bytes: read(/^process_resident_memory_bytes.* (\d+)/m),
  };
}

/** 4. Connections that linger take two seconds; those to the upstream are kept. */
async function assertSameUse(gateway: GatewayProcess, before: Use): Promise<void> {
  const mostSockets = before.sockets + 2 * parallelConnections;
  const lastTime = Date.now() + 10_000;
  let after = await use(gateway);
  while (after.sockets > mostSockets && Date.now() < lastTime) after = await use(gateway);
  assert.ok(after.sockets <= mostSockets, `${after.sockets} sockets after ${before.sockets}`);
  const grown = Math.round((after.bytes - before.bytes) / 1e6);
  assert.ok(grown < 150, `${grown} MB more than before`);
}
