/** Traces go on behind a commit: by the real processes, at a collector of our own. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../packages/testing/src/engines.ts';
import { type EventStreamReader, openEventStream } from '../packages/testing/src/event-stream-reader.ts';
import {
  type CollectedSpan,
  type OtlpCollector,
  startOtlpCollector,
} from '../packages/testing/src/otlp-collector.ts';
import { startTokenIssuer, type TokenIssuer } from '../packages/testing/src/token-issuer.ts';
import { type Program, startProgram } from './programs.fixture.ts';

const services = ['reviews', 'catalog', 'inventory', 'payments', 'shipping', 'orders'] as const;
const tokenKey = 'a key that only the BFFs of this test know';
const nobody = 'http://127.0.0.1:1';

/** Asks until the answer is 200 and fits; such requests are not recorded. */
async function untilAnswered(url: string, fits: (body: string) => boolean): Promise<void> {
  for (;;) {
    const answer = await fetch(url, { headers: inTrace('f'.repeat(32), '00') });
    if (fits(await answer.text()) && answer.status === 200) return;
  }
}

/** What sells, with one of each BFF behind a gateway; all of them send their spans to the collector. */
async function startShop(postgres: TestPostgres, { issuer }: TokenIssuer, { url }: OtlpCollector) {
  const running: Program[] = [];
  const start = async (path: string, env: Readonly<Record<string, string | undefined>>) => {
    const program = await startProgram(path, {
      OIDC_ISSUER: issuer,
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      ...env,
    });
    running.push(program);
    return program;
  };
  const stop = () => {
    return Promise.all(running.splice(0).map((program) => program.stop()));
  };
  const hub = { HUB_URL: postgres.databases.hub };
  const urls: Record<string, string> = { CUSTOMERS_URL: nobody };
  const startService = async (name: (typeof services)[number], more = {}) => {
    const env = {
      DATABASE_URL: postgres.databases[name],
      PORTICO_DEMO_PRODUCTS: '10',
      SHIPMENT_LEAVES_AFTER_MS: '3600000',
      ...more,
    };
    urls[`${name.toUpperCase()}_URL`] = (await start(`mock-services/${name}/src/main.ts`, env)).url;
  };
  try {
    await Promise.all(
      (['reviews', 'inventory', 'payments', 'shipping'] as const).map((name) => startService(name)),
    );
    await startService('catalog', { ...hub, ...urls });
    await startService('orders', { ...hub, ...urls, ORDERS_CLIENT_SECRET: 'the issuer asks for none' });
    const captures = services.map((name) => [`CAPTURE_${name.toUpperCase()}_URL`, postgres.captures[name]]);
    const capture = await start('packages/change-stream/src/capture/main.ts', {
      ...hub,
      ...Object.fromEntries(captures),
    });
    const [web, mobile] = await Promise.all(
      ['web', 'mobile'].map((name) =>
        start(`bffs/${name}/src/main.ts`, { ...hub, ...urls, PORTICO_TOKEN_KEY: tokenKey }),
      ),
    );
    await untilAnswered(`${capture.admin}/readyz`, () => true);
    const isUpToDate = (metrics: string) =>
      services.every((name) =>
        new RegExp(`^portico_change_trusted{source="${name}",.*} 1$`, 'm').test(metrics),
      ) && /^portico_view_trusted{.*} 1$/m.test(metrics);
    for (const bff of [web, mobile]) await untilAnswered(`${bff?.admin}/metrics`, isUpToDate);
    const table = { WEB_URL: web?.url, MOBILE_URL: mobile?.url, SITE_URL: web?.url, ...signInSettings };
    return { url: (await start('gateway/src/main.ts', table)).url, urls, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads until the stream has told of these events of its order. */
async function readUntil({ next }: EventStreamReader, ...events: readonly string[]): Promise<void> {
  for (;;) {
    const update = await next();
    assert.ok(update !== undefined, `the stream ended before ${events}`);
    if (events.every((event) => update.data.includes(`"type":"${event}"`))) return;
  }
}

/** A request of a client who has begun a trace. */
const inTrace = (traceId: string, flags = '01') => ({
  'Content-Type': 'application/json',
  traceparent: `00-${traceId}-${'1'.repeat(16)}-${flags}`,
});

describe('traces of commits', { timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  let issuer: TokenIssuer;
  let collector: OtlpCollector;
  let shop: Awaited<ReturnType<typeof startShop>>;
  const ends: (() => unknown)[] = [];
  before(async () => {
    collector = await startOtlpCollector({ after: (end: () => void) => void ends.push(end) });
    [postgres, issuer] = await Promise.all([
      startPostgres({ databases: [...services, 'hub'], captured: services }),
      startTokenIssuer(),
    ]);
    shop = await startShop(postgres, issuer, collector);
  });
  after(async () => {
    assert.deepEqual(new Set(await shop.stop()), new Set([0]));
    await Promise.all([postgres.stop(), issuer.close(), ...ends.map((end) => end())]);
  });

  const isAt = ({ process, kind, name }: CollectedSpan, place: string) =>
    `${process} ${kind} ${name}` === place;
  const descend = (from: CollectedSpan, [place, ...below]: readonly string[]): CollectedSpan | undefined => {
    if (place === undefined) return from;
    const next = collector.spans.filter((span) => span.parentSpanId === from.spanId && isAt(span, place));
    return next.map((span) => descend(span, below)).find((last) => last !== undefined);
  };
  const wait = async (what: string, find: () => CollectedSpan | undefined): Promise<CollectedSpan> => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`${what} is not in the trace`)), 30_000);
    await Promise.race([collector.until(() => find() !== undefined), late]).finally(() =>
      clearTimeout(timer),
    );
    return find() as CollectedSpan;
  };
  /** The last one of spans that lie below each other; of what was tried several times, those of the try that has them. */
  const follow = (from: CollectedSpan, ...places: readonly string[]): Promise<CollectedSpan> =>
    wait(places.join(', '), () => descend(from, places));
  const spanOf = (traceId: string, place: string): Promise<CollectedSpan> =>
    wait(place, () => collector.spans.find((span) => span.traceId === traceId && isAt(span, place)));
  /** Goes up from a span to these above it, one after the other. */
  const rise = async (from: CollectedSpan, ...places: readonly string[]): Promise<CollectedSpan> => {
    let span = from;
    for (const place of places) {
      const { parentSpanId } = span;
      span = await wait(place, () =>
        collector.spans.find((above) => above.spanId === parentSpanId && isAt(above, place)),
      );
    }
    return span;
  };
  /** Sends a command until it is answered: on a busy machine its time may be over. */
  const command = async (path: string, init: RequestInit): Promise<Response> => {
    for (;;) {
      const answer = await fetch(`${shop.url}${path}`, init);
      if (answer.status < 500) return answer;
    }
  };
  /** The way of a commit from its work into the hub. */
  const captured = (source: string) => [
    `capture internal capture ${source}`,
    `capture producer append ${source}`,
  ];

  test('a change is in the trace of its command up to the caches, and makes none where it has none', async () => {
    const setPrice = async (traceId: string, flags: string, amount: number) => {
      const answer = await command('/api/v1/operator/products/p1/price', {
        method: 'PUT',
        headers: { ...issuer.root, ...inTrace(traceId, flags) },
        body: JSON.stringify({ amount }),
      });
      assert.equal(answer.status, 200);
    };
    const catalog = new pg.Client({ connectionString: postgres.databases.catalog });
    await catalog.connect();
    await catalog.query("update products set price_amount = 10 where id = 'p1'");
    await catalog.end();
    await setPrice('a'.repeat(32), '00', 11);
    await setPrice('b'.repeat(32), '01', 12);

    const known = await spanOf('b'.repeat(32), 'web consumer apply catalog');
    const way = captured('catalog').toReversed();
    const change = await rise(known, ...way, 'catalog server PUT /products/{id}/price');
    await follow(change, 'catalog client COMMIT');
    await follow(change, ...captured('catalog'), 'mobile consumer apply catalog');
    assert.deepEqual(new Set(collector.spans.map(({ traceId }) => traceId)), new Set(['b'.repeat(32)]));
    const appended = collector.spans.find(({ name }) => name === 'append catalog');
    assert.deepEqual(appended?.attributes, {
      'messaging.system': 'portico',
      'messaging.operation.name': 'append',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'catalog',
    });
  });

  test('what a consumer does with a change is in its trace, and so is what follows from the commit of that', async () => {
    // From then on the catalog folds what happens to reviews.
    await untilAnswered(`${shop.urls.CATALOG_URL}/products?sort=rating`, () => true);
    const posted = await command('/api/v1/products/p1/reviews', {
      method: 'POST',
      headers: { ...issuer.ada, ...inTrace('e'.repeat(32)), 'Idempotency-Key': 'one-trace-of-a-review' },
      body: JSON.stringify({ stars: 5, body: 'Traceable.' }),
    });
    assert.equal(posted.status, 201);
    const known = await spanOf('e'.repeat(32), 'web consumer apply catalog');
    const ways = ['catalog', 'reviews'].map((source) => captured(source).toReversed());
    const folded = await rise(known, ...(ways[0] ?? []), 'catalog consumer process reviews');
    await rise(folded, ...(ways[1] ?? []), 'reviews server POST /products/{id}/reviews');
  });

  /** A saga's steps: who takes part, and how he is asked; then what each step has brought about. */
  const followSteps = async (
    from: CollectedSpan,
    steps: readonly (readonly [string, string, string])[],
    ...then: readonly (readonly string[])[]
  ) => {
    const lasts: CollectedSpan[] = [];
    for (const [name, participant, request] of steps) {
      const step = `orders internal step ${name}`;
      const asked = [step, `orders client ${request}`, `${participant} server ${request}`];
      await follow(from, ...asked, ...captured(participant), `web consumer apply ${participant}`);
      for (const way of then) lasts.push(await follow(from, step, ...captured('orders'), ...way));
    }
    return lasts;
  };
  const views = ['web', 'mobile'].map((bff) => [
    `${bff} consumer apply orders`,
    `${bff} consumer fold orders`,
  ]);

  test('an order is one trace, from the command over commit, hub, saga and views to the updates of both clients', async () => {
    const placed = await command('/api/v1/orders', {
      method: 'POST',
      headers: { ...issuer.ada, ...inTrace('c'.repeat(32)), 'Idempotency-Key': 'one-trace-of-an-order' },
      body: JSON.stringify({ lines: [{ productId: 'p1', quantity: 1 }], paymentToken: 'tok_ok' }),
    });
    assert.equal(placed.status, 202);
    const { number } = (await placed.json()) as { number: string };
    const reserve = await spanOf('c'.repeat(32), 'orders internal step reserve:do');
    const place = await rise(reserve, 'orders server POST /orders');
    await rise(
      place,
      'mobile client POST /orders',
      'mobile server POST /api/v1/orders',
      'gateway client POST /api/v1/orders/*',
      'gateway server POST /api/v1/orders/*',
    );
    await follow(place, 'orders client INSERT order_events');
    await follow(place, 'orders client COMMIT');
    for (const view of views) await follow(place, ...captured('orders'), ...view);
    await followSteps(
      place,
      [
        ['reserve:do', 'inventory', 'POST /reservations'],
        ['authorise:do', 'payments', 'POST /payments'],
        ['schedule:do', 'shipping', 'POST /shipments'],
        ['capture:do', 'payments', 'POST /payments/{orderNumber}/capture'],
        ['commit:do', 'inventory', 'POST /reservations/{orderNumber}/commit'],
      ],
      ...views,
    );

    const announced = await spanOf(place.traceId, 'capture producer append shipping');
    await follow(announced, 'orders consumer process shipping');

    const phone = await openEventStream(`${shop.url}/api/v1/orders/${number}/events`, {
      headers: issuer.ada,
    });
    const query = `subscription { orderUpdated(number: "${number}") { timeline { type } } }`;
    const page = await openEventStream(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { ...issuer.ada, 'Content-Type': 'application/json', Accept: 'text/event-stream' },
      body: JSON.stringify({ query }),
    });
    await Promise.all(
      [phone, page].map((stream) => readUntil(stream, 'payment-captured', 'stock-committed')),
    );
    const cancelled = await command(`/api/v1/orders/${number}/cancel`, {
      method: 'POST',
      headers: { ...issuer.ada, ...inTrace('d'.repeat(32)) },
    });
    assert.equal(cancelled.status, 202);
    await Promise.all([phone, page].map((stream) => readUntil(stream, 'order-cancelled')));
    for (const stream of [phone, page]) stream.cut();

    const undo = await spanOf('d'.repeat(32), 'orders internal step schedule:undo');
    const cancel = await rise(undo, 'orders server POST /orders/{number}/cancel');
    const [web = [], mobile = []] = views;
    const sent = await followSteps(
      cancel,
      [
        ['schedule:undo', 'shipping', 'POST /shipments/{orderNumber}/cancel'],
        ['authorise:undo', 'payments', 'POST /payments/{orderNumber}/refund'],
        ['reserve:undo', 'inventory', 'POST /reservations/{orderNumber}/release'],
      ],
      [...web, 'web producer send /graphql'],
      [...mobile, 'mobile producer send /api/v1/orders/{number}/events'],
    );
    // Each is linked with the request that opened its stream, whose trace is another one.
    const streams = [
      ['web', 'POST /graphql'],
      ['mobile', 'GET /api/v1/orders/{number}/events'],
    ];
    for (const [index, { links }] of sent.entries()) {
      const [bff, name] = streams[index % 2] ?? [];
      const isStream = (span: CollectedSpan) => links.includes(span.spanId);
      const stream = (await collector.until(isStream)).find(isStream);
      assert.deepEqual([stream?.process, stream?.kind, stream?.name], [bff, 'server', name]);
      assert.notEqual(stream?.traceId, cancel.traceId);
    }
    // What was there when the streams were opened was told, but is no news.
    const news = collector.spans.filter(
      ({ traceId, name }) => traceId === place.traceId && /^send/.test(name),
    );
    assert.deepEqual(news, []);
  });
});
