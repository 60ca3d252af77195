/** One trace from the edge to the database, by the real processes, at a collector of our own. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, type TestContext, test } from 'node:test';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { startPostgres, type TestPostgres } from '../packages/testing/src/engines.ts';
import {
  type CollectedSpan,
  type OtlpCollector,
  startOtlpCollector,
} from '../packages/testing/src/otlp-collector.ts';
import { type Program, startProgram } from '../packages/testing/src/program.ts';
import { httpAnswer, startScriptedServer } from '../packages/testing/src/scripted-server.ts';

const programs = {
  catalog: new URL('../mock-services/catalog/src/main.ts', import.meta.url),
  mobile: new URL('../bffs/mobile/src/main.ts', import.meta.url),
  gateway: new URL('../gateway/src/main.ts', import.meta.url),
};
const running: Program[] = [];
afterEach(() => Promise.all(running.splice(0).map((program) => program.end('SIGKILL'))));

async function start(name: keyof typeof programs, env: Record<string, string>, execArgv: string[] = []) {
  const program = startProgram(programs[name], env, execArgv);
  running.push(program);
  return { program, ...(await program.ready) };
}

const nobody = 'http://127.0.0.1:1';
const anyPorts = { PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0', OIDC_ISSUER: nobody };
const startGateway = (url: string, env: Record<string, string> = {}, execArgv: string[] = []) =>
  start(
    'gateway',
    { ...anyPorts, WEB_URL: url, MOBILE_URL: url, SITE_URL: url, ...signInSettings, ...env },
    execArgv,
  );

/** A gateway whose spans go to the collector, in front of one upstream. */
async function startTraced(t: TestContext, env: Record<string, string> = {}) {
  const collector = await startOtlpCollector(t);
  const upstream = await startScriptedServer(() => [httpAnswer(200, '{}')]);
  t.after(() => upstream.close());
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env };
  return { collector, upstream, ...(await startGateway(upstream.url, settings)) };
}

const named = ({ spans }: Pick<OtlpCollector, 'spans'>, process: string, kind: string, name: string) =>
  spans.filter((span) => span.process === process && span.kind === kind && span.name === name);

describe('traces', { timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  before(async () => {
    postgres = await startPostgres({ databases: ['catalog'] });
  });
  after(() => postgres.stop());

  test('a request is one trace, from the edge to the database query', async (t) => {
    const collector = await startOtlpCollector(t);
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const catalog = await start('catalog', {
      ...traced,
      DATABASE_URL: postgres.databases.catalog ?? '',
      PORTICO_DEMO_PRODUCTS: '10',
    });
    const away = { INVENTORY_URL: nobody, REVIEWS_URL: nobody, CUSTOMERS_URL: nobody };
    const mobile = await start('mobile', { ...traced, ...away, CATALOG_URL: catalog.url });
    const gateway = await startGateway(mobile.url, traced);

    const answer = await fetch(`${gateway.url}/api/v1/products/p7`);
    assert.equal(answer.status, 200);
    // Each sends its spans before it exits, well before it would by itself.
    const said = [];
    for (const { program } of [gateway, mobile, catalog]) said.push(await program.end('SIGTERM'));
    assert.deepEqual(
      said.map(({ code }) => code),
      [0, 0, 0],
    );

    const way: CollectedSpan[] = [];
    for (const [process, kind, name] of [
      ['gateway', 'server', 'GET /api/v1/products/*'],
      ['gateway', 'client', 'GET /api/v1/products/*'],
      ['mobile', 'server', 'GET /api/v1/products/{id}'],
      ['mobile', 'client', 'GET /products'],
      ['catalog', 'server', 'GET /products'],
      ['catalog', 'client', 'SELECT products'],
    ] as const) {
      const [span, ...others] = named(collector, process, kind, name);
      assert.ok(span !== undefined && others.length === 0, `${process} ${kind} ${name}`);
      assert.equal(span.parentSpanId, way.at(-1)?.spanId ?? '', `${process} ${kind} ${name}`);
      way.push(span);
    }
    const [edge, , , , , query] = way;
    assert.deepEqual(new Set(collector.spans.map(({ traceId }) => traceId)), new Set([edge?.traceId]));
    assert.equal(edge?.attributes['http.response.status_code'], 200);
    assert.match(String(query?.attributes['db.query.text']), /^select .* where "products"\."id" in \(\$1\)/);
    assert.doesNotMatch(JSON.stringify(query), /p7/);
    assert.match(said[0]?.stdout ?? '', new RegExp(`"traceId":"${edge?.traceId}".*"msg":"request"`));

    const stock = named(collector, 'mobile', 'client', 'GET /stock');
    assert.deepEqual(
      stock.map(({ failed, attributes }) => [
        failed,
        attributes['error.type'],
        attributes['http.request.resend_count'],
      ]),
      [
        [true, 'unreachable', undefined],
        [true, 'unreachable', 1],
      ],
    );
    assert.deepEqual(new Set(stock.map(({ parentSpanId }) => parentSpanId)), new Set([way[2]?.spanId]));
  });

  test('a trace that a client has begun goes on, recorded or not as it says', async (t) => {
    const { collector, upstream, url, program } = await startTraced(t);
    const send = async (flags: string, digit: string) => {
      const traceparent = `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`;
      const arriving = upstream.next();
      await fetch(`${url}/graphql`, { headers: { traceparent } });
      return new Map((await arriving).fields).get('traceparent') ?? '';
    };
    const recorded = await send('01', 'a');
    const left = await send('00', 'b');
    await program.end('SIGTERM');

    const [edge] = named(collector, 'gateway', 'server', 'GET /graphql');
    const [call] = named(collector, 'gateway', 'client', 'GET /graphql');
    assert.equal(edge?.parentSpanId, 'a'.repeat(16));
    assert.equal(recorded, `00-${'a'.repeat(32)}-${call?.spanId}-01`);
    assert.match(left, /^00-b{32}-(?!b{16})[0-9a-f]{16}-00$/);
    assert.equal(collector.spans.length, 2);
  });

  test('a failure is marked where it happened, and no span has a query, a token or a field', async (t) => {
    const { collector, upstream, url, program } = await startTraced(t);
    await upstream.close();
    const secret = { authorization: 'Bearer secret-token', cookie: 'a=secret-cookie' };
    const answer = await fetch(`${url}/graphql?query=secret-query`, { headers: secret });
    assert.equal(answer.status, 401);
    assert.equal((await fetch(`${url}/graphql?query=secret-query`)).status, 503);
    await program.end('SIGTERM');

    const [call] = named(collector, 'gateway', 'client', 'GET /graphql');
    assert.deepEqual([call?.failed, call?.attributes['error.type']], [true, 'unavailable']);
    const statuses = named(collector, 'gateway', 'server', 'GET /graphql').map(
      ({ attributes, failed }) => [attributes['http.response.status_code'], failed] as const,
    );
    assert.deepEqual(statuses, [
      [401, false],
      [503, true],
    ]);
    assert.doesNotMatch(JSON.stringify(collector.spans), /secret/);
  });
});

test('name, fields and sampler are those of the environment', async (t) => {
  const { collector, url, program } = await startTraced(t, {
    OTEL_SERVICE_NAME: 'edge-of-berlin',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=k1',
  });
  await fetch(`${url}/nothing-here`);
  const [span] = await collector.until(({ kind }) => kind === 'server');
  assert.equal(span?.process, 'edge-of-berlin');
  assert.equal(span?.name, 'GET');
  assert.equal(collector.fields[0]?.['api-key'], 'k1');
  await program.end('SIGTERM');

  const silent = await startTraced(t, { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' });
  assert.equal((await fetch(`${silent.url}/graphql`)).status, 200);
  await silent.program.end('SIGTERM');
  assert.deepEqual(silent.collector.spans, []);
});

test('a wrong sampler or collector stops the start with one line', async () => {
  for (const [env, expected] of [
    [
      { OTEL_TRACES_SAMPLER: 'often' },
      /^wrong configuration: OTEL_TRACES_SAMPLER must be one of always_on, .*"often"\n$/,
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      /^wrong configuration: OTEL_EXPORTER_OTLP_ENDPOINT must be an http/,
    ],
  ] as const) {
    const { code, stderr } = await startProgram(programs.gateway, { ...anyPorts, ...env }).ended;
    assert.equal(code, 1);
    assert.match(stderr, expected);
  }
});

for (const answer of ['hang', 400] as const) {
  test(`a collector that ${answer === 'hang' ? 'hangs' : 'refuses'} fails no request, holds up no exit and is one line in the log`, async (t) => {
    const { collector, url, program } = await startTraced(t);
    collector.behave(answer);
    for (let request = 0; request < 20; request += 1) {
      assert.equal((await fetch(`${url}/graphql`)).status, 200);
    }
    const startedAt = performance.now();
    const { code, stdout } = await program.end('SIGTERM');
    assert.equal(code, 0);
    assert.ok(performance.now() - startedAt < 5_000, 'it does not wait for the collector');
    assert.equal(stdout.match(/spans can not be sent/g)?.length, 1);
  });
}

test('without a collector nothing of the SDK of OpenTelemetry is loaded', async (t) => {
  const upstream = await startScriptedServer(() => [httpAnswer(200, '{}')]);
  t.after(() => upstream.close());
  // Its bare interface comes with prom-client.
  const report = `import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) {
      if (/@opentelemetry.(?!api)/.test(url)) process.stderr.write('loaded ' + url + '\\n');
      return next(url, context);
    } });`;
  const loaded = async (env: Record<string, string>) => {
    const { program, url } = await startGateway(upstream.url, env, [
      '--import',
      `data:text/javascript,${encodeURIComponent(report)}`,
    ]);
    assert.equal((await fetch(`${url}/graphql`)).status, 200);
    const { stderr } = await program.end('SIGTERM');
    return stderr.match(/^loaded /gm)?.length ?? 0;
  };
  assert.equal(await loaded({}), 0);
  assert.equal(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: nobody, OTEL_SDK_DISABLED: 'true' }), 0);
  assert.ok((await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: nobody })) > 10);
});
