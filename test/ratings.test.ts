/** The catalog's own ratings: the real services, capture and hub, and random changes of reviews by SQL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import pg from 'pg';
import { type Program, startProgram } from './programs.fixture.ts';

const productCount = 60;
const changes = 300;

describe('The ratings of the catalog', { timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  let catalogDb: pg.Pool;
  let reviewsDb: pg.Pool;
  let catalog: Program;
  let reviews: Program;
  const programs: Program[] = [];

  const start = async (path: string, env: Record<string, string | undefined>) => {
    const program = await startProgram(path, { PORTICO_DEMO_PRODUCTS: String(productCount), ...env });
    programs.push(program);
    return program;
  };
  const startCatalog = (env: Record<string, string | undefined> = {}) =>
    start('mock-services/catalog/src/main.ts', {
      DATABASE_URL: postgres.databases.catalog,
      HUB_URL: postgres.databases.hub,
      REVIEWS_URL: reviews.url,
      ...env,
    });
  const startReviews = (port = '0') =>
    start('mock-services/reviews/src/main.ts', { DATABASE_URL: postgres.databases.reviews, PORT: port });

  before(async () => {
    postgres = await startPostgres({
      databases: ['catalog', 'reviews', 'empty', 'hub'],
      captured: ['catalog', 'reviews'],
    });
    [catalogDb, reviewsDb] = [postgres.databases.catalog, postgres.databases.reviews].map(
      (connectionString) => new pg.Pool({ connectionString }).on('error', () => {}),
    ) as [pg.Pool, pg.Pool];
    reviews = await startReviews();
    catalog = await startCatalog();
    await start('packages/change-stream/src/capture/main.ts', {
      HUB_URL: postgres.databases.hub,
      CAPTURE_CATALOG_URL: postgres.captures.catalog,
      CAPTURE_REVIEWS_URL: postgres.captures.reviews,
    });
  });
  after(async () => {
    for (const { child } of programs) child.kill('SIGKILL');
    await Promise.all([catalogDb, reviewsDb].map((pool) => pool?.end()));
    await postgres?.stop();
  });

  const reviewed = async () =>
    (
      await reviewsDb.query(
        'select product_id as id, count(*)::int as count, round(avg(stars), 2)::float8 as average from reviews group by 1 order by 1',
      )
    ).rows;
  const folded = async () =>
    (
      await catalogDb.query(
        'select id, rating_count as count, rating_average / 100.0::float8 as average from products where rating_count > 0 order by 1',
      )
    ).rows;
  /** Until all that is committed in reviews by now is folded: a review that is written last comes last. */
  const caughtUp = async () => {
    const { rows } = await reviewsDb.query(
      `insert into reviews (product_id, customer_id, stars, body) values ('p1', 'c1', 3, 'Last.') returning id`,
    );
    while ((await catalogDb.query('select from folded_reviews where id = $1', [rows[0].id])).rowCount === 0);
  };
  const byRating = async () => {
    const answer = await fetch(`${catalog.url}/products?sort=rating&limit=100`);
    const body = (await answer.json()) as { items: { id: string }[] };
    assert.equal(answer.status, 200, JSON.stringify(body));
    return body.items.map(({ id }) => id);
  };
  const kill = async ({ child }: Program) => {
    child.kill('SIGKILL');
    while (child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  };

  it('are those of reviews after random changes by SQL, under kill -9 of the catalog', async () => {
    const random = createRandom(7);
    const number = (limit: number) => 1 + Math.floor(random() * limit);
    const anyone = () => `(select id from reviews order by md5(id || '${number(1_000)}') limit 1)`;
    const kinds = [
      () =>
        `insert into reviews (product_id, customer_id, stars, body) values ('p${number(productCount)}', 'c1', ${number(5)}, 'New.')`,
      () => `update reviews set stars = ${number(5)} where id = ${anyone()}`,
      () => `update reviews set product_id = 'p${number(productCount)}' where id = ${anyone()}`,
      () => `update reviews set id = 'r' || nextval('review_numbers') where id = ${anyone()}`,
      () => `delete from reviews where id = ${anyone()}`,
      () => `update reviews set stars = 6 - stars where product_id = 'p${number(productCount)}'`,
    ];
    for (let done = 0; done < changes; done++) {
      await reviewsDb.query(String(kinds[number(kinds.length) - 1]?.()));
      if (done % 75 !== 74) continue;
      await kill(catalog);
      catalog = await startCatalog();
    }
    await caughtUp();
    assert.ok((await folded()).length > productCount / 2);
    assert.deepEqual(await folded(), await reviewed());
  });

  it('order the products as what reviews says does', async () => {
    const rated = new Map((await reviewed()).map((rating) => [rating.id, rating]));
    const averages = (await byRating()).map((id) => rated.get(id)?.average ?? 0);
    assert.deepEqual(
      averages,
      averages.toSorted((a, b) => b - a),
    );
    assert.equal(averages.length, productCount);
  });

  it('are there and searched while reviews and the hub are away, also for a catalog that starts then', async () => {
    const before = await byRating();
    const { port } = new URL(reviews.url);
    await kill(reviews);
    assert.deepEqual(await byRating(), before);
    await kill(catalog);
    catalog = await startCatalog({ HUB_URL: 'postgres://hub@127.0.0.1:1/hub' });
    assert.deepEqual(await byRating(), before);
    assert.equal((await fetch(`${catalog.url}/products?q=steel&sort=rating`)).status, 200);
    assert.equal((await fetch(`${catalog.admin}/readyz`)).status, 200);
    await kill(catalog);
    reviews = await startReviews(port);
    catalog = await startCatalog();
  });

  it('are refused by a catalog that never knew them, which answers all else', async () => {
    const alone = await startCatalog({
      DATABASE_URL: postgres.databases.empty,
      HUB_URL: 'postgres://hub@127.0.0.1:1/hub',
    });
    assert.equal((await fetch(`${alone.url}/products?sort=rating`)).status, 501);
    assert.equal((await fetch(`${alone.url}/products?q=steel`)).status, 200);
    assert.equal((await fetch(`${alone.admin}/readyz`)).status, 200);
    assert.equal(await alone.stop(), 0);
  });

  it('are made anew when reviews is emptied, and filled in the same transaction', async () => {
    await reviewsDb.query('truncate reviews');
    await caughtUp();
    assert.deepEqual(await folded(), await reviewed());
    await reviewsDb.query(`begin; truncate reviews;
      insert into reviews (product_id, customer_id, stars, body)
        select 'p' || n % 3 + 1, 'c1', n % 5 + 1, 'Again.' from generate_series(1, 400) n; commit`);
    await caughtUp();
    assert.equal((await folded()).length, 3);
    assert.deepEqual(await folded(), await reviewed());
  });

  it('are made anew when the place in the hub is gone', async () => {
    await catalogDb.query(
      'delete from folded_reviews; update products set rating_count = 9, rating_average = 900',
    );
    const hub = createPostgresEventHub({ url: String(postgres.databases.hub), log: silentLogger });
    await hub.renewEpoch();
    await hub.close();
    await kill(catalog);
    catalog = await startCatalog();
    while ((await catalogDb.query('select from folded_reviews limit 1')).rowCount === 0);
    await caughtUp();
    assert.deepEqual(await folded(), await reviewed());
  });

  it('are those of a product that comes after its reviews', async () => {
    await reviewsDb.query(
      `insert into reviews (product_id, customer_id, stars, body) values ('p900', 'c1', 5, 'Early.')`,
    );
    await caughtUp();
    await catalogDb.query(
      `insert into products (id, name, category_id, price_amount) values ('p900', 'Late', 'toys', 1)`,
    );
    assert.deepEqual(await folded(), await reviewed());
  });

  it('are told how old they are', async () => {
    let lag: string | undefined;
    while (lag === undefined) {
      const metrics = await (await fetch(`${catalog.admin}/metrics`)).text();
      lag = /^portico_fold_lag_seconds\{.*\} (.+)$/m.exec(metrics)?.[1];
    }
    assert.ok(Number(lag) < 60, lag);
  });
});
