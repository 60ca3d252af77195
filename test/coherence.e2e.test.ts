/** What is changed by plain SQL, behind the services' backs, shows on web and phone, though both answer from caches, and in open streams. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase, type Database } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { type EventStreamReader, openEventStream } from '@portico/testing/event-stream-reader.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { sql } from 'kysely';
import { type Program, startProgram } from './programs.fixture.ts';

const services = ['catalog', 'inventory', 'reviews', 'customers'] as const;
/** How old an answer may be, from the commit. */
const boundMs = 2_000;

interface Seen<Value> {
  readonly value: Value;
  readonly calls: number;
  readonly status: string;
  readonly etag: string | null;
}

async function ask<Value>(
  url: string,
  init: RequestInit,
  pick: (body: never) => Value,
): Promise<Seen<Value>> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(20_000) });
  const body = await answer.text();
  assert.equal(answer.status, 200, body);
  return {
    value: pick(JSON.parse(body) as never),
    calls: Number(/calls=(\d+)/.exec(answer.headers.get('server-timing') ?? '')?.[1]),
    status: answer.headers.get('cache-status') ?? '',
    etag: answer.headers.get('etag'),
  };
}

describe('a change by plain SQL', { timeout: 300_000 }, () => {
  let postgres: TestPostgres;
  let capture: Program;
  const running: Program[] = [];
  const databases: Database<never>[] = [];
  const urls: Record<string, string> = {};

  const start = async (path: string, env: Record<string, string | undefined>) => {
    const program = await startProgram(path, env);
    running.push(program);
    return program;
  };
  const startCapture = () =>
    start('packages/change-stream/src/capture/main.ts', {
      HUB_URL: postgres.databases.hub,
      ...Object.fromEntries(
        services.map((name) => [`CAPTURE_${name.toUpperCase()}_URL`, postgres.captures[name]]),
      ),
    });
  const startBff = (name: string) =>
    start(`bffs/${name}/src/main.ts`, {
      HUB_URL: postgres.databases.hub,
      ...Object.fromEntries(services.map((service) => [`${service.toUpperCase()}_URL`, urls[service]])),
    });
  /** Runs a statement; gives what it returns. */
  const run = async (url: string | undefined, statement: string) => {
    const db = createDatabase<never>(String(url), silentLogger);
    databases.push(db);
    return (await sql.raw<Record<string, unknown>>(statement).execute(db)).rows;
  };
  const inDatabase = (name: string, statement: string) => run(postgres.databases[name], statement);

  before(async () => {
    postgres = await startPostgres({ databases: [...services, 'hub'], captured: services });
    for (const name of services) {
      const env = { DATABASE_URL: postgres.databases[name], PORTICO_DEMO_PRODUCTS: '60' };
      urls[name] = (await start(`mock-services/${name}/src/main.ts`, env)).url;
    }
    capture = await startCapture();
    for (const name of ['web', 'mobile']) urls[name] = (await startBff(name)).url;
    const table = { WEB_URL: urls.web, MOBILE_URL: urls.mobile, SITE_URL: urls.web };
    const gateway = await start('gateway/src/main.ts', {
      ...table,
      ...signInSettings,
      OIDC_ISSUER: 'http://127.0.0.1:1',
    });
    urls.gateway = gateway.url;
  });
  after(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(databases.map((db) => db.destroy()));
    await postgres?.stop();
  });

  const onPhone = <Value>(path: string, pick: (body: never) => Value) => ({
    where: 'REST',
    ask: () => ask(`${urls.mobile}/api/v1${path}`, {}, pick),
  });
  const onWeb = <Value>(query: string, pick: (data: never) => Value, web = urls.web) => ({
    where: 'GraphQL',
    ask: () =>
      ask(
        `${web}/graphql`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
        },
        ({ data, errors }: { data: never; errors?: unknown }) => {
          assert.equal(errors, undefined);
          return pick(data);
        },
      ),
  });
  type View<Value> = ReturnType<typeof onPhone<Value>>;

  /** Asks until the whole answer comes from the cache. */
  const untilHit = async <Value>({ where, ask }: View<Value>): Promise<Seen<Value>> => {
    for (;;) {
      const seen = await ask();
      // Nothing more: no part lives by time.
      if (seen.calls === 0 && seen.status === `portico-${where === 'REST' ? 'mobile' : 'web'}; hit`)
        return seen;
      await delay(20);
    }
  };

  /** Makes a change while both views are answered from caches, and asks until they show it: never later than the bound. */
  const shows = async <Value>(
    t: TestContext,
    views: readonly View<Value>[],
    change: () => Promise<unknown>,
    isNew: (value: Value) => boolean,
  ) => {
    const hits = await Promise.all(views.map(untilHit));
    for (const { value } of hits) assert.ok(!isNew(value));
    await change();
    const changedAt = performance.now();
    return Promise.all(
      views.map(async ({ where, ask }) => {
        for (;;) {
          const askedAt = performance.now() - changedAt;
          const seen = await ask();
          if (isNew(seen.value)) {
            t.diagnostic(`${where}: asked after ${Math.round(askedAt)} ms it is there`);
            return seen;
          }
          assert.ok(askedAt <= boundMs, `${where} was old when asked ${askedAt} ms after the commit`);
        }
      }),
    );
  };

  const prices = () => [
    onPhone('/products/p1', ({ price }: { price: { amount: number } }) => price.amount),
    onWeb(
      '{ product(sku: "p1") { price { amount } } }',
      ({ product }: { product: { price: { amount: number } } }) => product.price.amount,
    ),
  ];
  const setPrice = (amount: number) =>
    inDatabase('catalog', `update products set price_amount = ${amount} where id = 'p1'`);

  test('of a price is in GraphQL, and in REST with a new ETag', async (t) => {
    const [phone] = prices();
    const { etag: before } = await untilHit(phone as View<number>);
    const [seen] = await shows(
      t,
      prices(),
      () => setPrice(4242),
      (amount) => amount === 4242,
    );
    assert.notEqual(seen?.etag, before);
    const { etag } = await untilHit(phone as View<number>);
    assert.equal(etag, seen?.etag);
    for (const [tag, status] of [
      [before, 200],
      [etag, 304],
    ] as const) {
      const answer = await fetch(`${urls.mobile}/api/v1/products/p1`, {
        headers: { 'if-none-match': String(tag) },
      });
      assert.equal(answer.status, status);
      await answer.text();
    }
  });

  test('that deletes a review takes it away', async (t) => {
    const [review] = await inDatabase(
      'reviews',
      "select id, body from reviews where product_id = 'p1' order by created_at desc, id desc limit 1",
    );
    const views = [
      onPhone('/products/p1', ({ reviews }: { reviews: { body: string }[] }) =>
        reviews.map(({ body }) => body),
      ),
      onWeb(
        '{ product(sku: "p1") { reviews(first: 3) { edges { node { body } } } } }',
        ({ product }: { product: { reviews: { edges: { node: { body: string } }[] } } }) =>
          product.reviews.edges.map(({ node }) => node.body),
      ),
    ];
    const [first] = await Promise.all(views.map(untilHit));
    await shows(
      t,
      views,
      () => inDatabase('reviews', `delete from reviews where id = '${review?.id}'`),
      (bodies) => bodies.join() !== first?.value.join(),
    );
  });

  test('that moves a product to another category is in both lists', async (t) => {
    const [product] = await inDatabase('catalog', "select category_id as at from products where id = 'p1'");
    const [other] = await inDatabase(
      'catalog',
      `select id from categories where id <> '${product?.at}' limit 1`,
    );
    const listsOf = (category: unknown) => [
      onPhone(
        `/products?category=${category}&limit=100&fields=id`,
        ({ items }: { items: { id: string }[] }) => items.some(({ id }) => id === 'p1'),
      ),
      onWeb(
        `{ products(first: 100, category: "${category}") { edges { node { sku } } } }`,
        ({ products }: { products: { edges: { node: { sku: string } }[] } }) =>
          products.edges.some(({ node }) => node.sku === 'p1'),
      ),
    ];
    // One change, and what it does to the lists that the product left and came to.
    const [left, came] = [listsOf(product?.at), listsOf(other?.id)];
    await Promise.all(came.map(untilHit));
    const move = () =>
      inDatabase('catalog', `update products set category_id = '${other?.id}' where id = 'p1'`);
    await shows(t, left, move, (isThere) => !isThere);
    for (const { ask } of came) assert.ok((await ask()).value);
  });

  test('that takes all reviews away leaves none', async (t) => {
    const views = [
      onPhone('/products/p2', ({ rating }: { rating: { count: number } }) => rating.count),
      onWeb(
        '{ product(sku: "p2") { rating { count } } }',
        ({ product }: { product: { rating: { count: number } } }) => product.rating.count,
      ),
    ];
    await inDatabase(
      'reviews',
      "insert into reviews (product_id, customer_id, stars, body) values ('p2', 'c1', 5, 'Soon gone.')",
    );
    await Promise.all(
      views.map(async ({ ask }) => {
        while ((await ask()).value === 0) await delay(20);
      }),
    );
    await shows(
      t,
      views,
      () => inDatabase('reviews', 'truncate reviews'),
      (count) => count === 0,
    );
  });

  test('is in an open stream, of the gateway as well, and in one that was cut and comes back', async (t) => {
    const fields = 'name price { amount } rating { count }';
    const open = (front: string, lastId?: string) =>
      openEventStream(
        `${urls[front]}/graphql?query=${encodeURIComponent(`subscription { productUpdated(sku: "p3") { ${fields} } }`)}`,
        {
          headers: {
            accept: 'text/event-stream',
            'accept-encoding': 'gzip, br',
            ...(lastId && { 'last-event-id': lastId }),
          },
          signal: AbortSignal.timeout(60_000),
        },
      );
    /** Until the product is as expected: one change may be told in two states, as several services tell of it. */
    const until = async (stream: EventStreamReader, isThere: (product: Product) => boolean) => {
      for (;;) {
        const event = await stream.next();
        assert.equal(event?.event, 'next');
        const { data } = JSON.parse(String(event?.data));
        if (isThere(data.productUpdated)) return event?.id;
      }
    };
    interface Product {
      readonly price: { readonly amount: number };
      readonly rating: { readonly count: number };
    }
    await inDatabase(
      'reviews',
      "insert into reviews (product_id, customer_id, stars, body) values ('p3', 'c1', 5, 'Soon gone.')",
    );
    const price = (amount: number) =>
      inDatabase('catalog', `update products set price_amount = ${amount} where id = 'p3'`);
    const [stream, direct] = [await open('gateway'), await open('web')];
    await Promise.all([stream, direct].map((each) => until(each, ({ rating }) => rating.count > 0)));
    const start = performance.now();
    await price(3_001);
    const [lastId] = await Promise.all(
      [stream, direct].map((each) => until(each, (product) => product.price.amount === 3_001)),
    );
    t.diagnostic(`both told of the price ${Math.round(performance.now() - start)} ms after it was set`);
    direct.cut();
    stream.cut();
    await price(3_002);
    const resumed = await open('gateway', lastId);
    await until(resumed, (product) => product.price.amount === 3_002);
    await inDatabase('reviews', 'truncate reviews');
    await until(resumed, ({ rating }) => rating.count === 0);
    await inDatabase('catalog', "delete from products where id = 'p3'");
    const gone = await resumed.next();
    assert.equal(JSON.parse(String(gone?.data)).errors[0].extensions.code, 'NOT_FOUND');
    assert.equal((await resumed.next())?.event, 'complete');
    assert.equal(await resumed.next(), undefined);
  });

  test('is there within the bound while capture is away; when it is back, caches answer again', async (t) => {
    await shows(
      t,
      prices(),
      async () => {
        capture.child.kill('SIGKILL');
        await once(capture.child, 'exit');
        await setPrice(5_001);
      },
      (amount) => amount === 5_001,
    );
    capture = await startCapture();
    await shows(
      t,
      prices(),
      () => setPrice(5_002),
      (amount) => amount === 5_002,
    );
  });

  test('is there within the bound while the hub is away; a BFF that starts then answers as well', async (t) => {
    const connections = (allowed: boolean) =>
      run(postgres.url, `alter database hub allow_connections ${allowed}`);
    await shows(
      t,
      prices(),
      async () => {
        await connections(false);
        await run(
          postgres.url,
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'hub'",
        );
        await setPrice(6_001);
      },
      (amount) => amount === 6_001,
    );
    const { url } = await startBff('web');
    const late = onWeb('{ product(sku: "p1") { name } }', () => true, url);
    assert.match((await late.ask()).status, /fwd=miss/);
    await connections(true);
    await untilHit(late);
    await shows(
      t,
      prices(),
      () => setPrice(6_002),
      (amount) => amount === 6_002,
    );
  });
});
