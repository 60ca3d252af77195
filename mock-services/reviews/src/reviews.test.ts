import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { components } from '@portico/contracts/generated/reviews.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { assertProblem, describeFrontDoor } from '@portico/testing/service-suite.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import type { Express } from 'express';
import { sql } from 'kysely';
import supertest from 'supertest';
import { createReviews } from './create-reviews.ts';
import { migrations, type ReviewsTables } from './database.ts';
import { seedReviews } from './seed.ts';

type Schemas = components['schemas'];
type Review = Schemas['Review'];

const now = Date.UTC(2026, 0, 15, 12);
let postgres: TestPostgres;
let db: Database<ReviewsTables>;
let issuer: TokenIssuer;
let app: Express;

before(async () => {
  postgres = await startPostgres({ databases: ['reviews'] });
  db = createDatabase<ReviewsTables>(String(postgres.databases.reviews), silentLogger);
  await migrateToLatest(db, migrations);
  await seedReviews(db, 1_000);
  const metrics = createMetrics('reviews');
  issuer = await startTokenIssuer();
  app = createReviews({
    db,
    verifyToken: issuer.verify,
    log: silentLogger,
    metrics,
    now: () => now,
    validateAnswers: true,
  });
});
after(async () => {
  await issuer?.close();
  await db?.destroy();
  await postgres?.stop();
});

async function get<Body>(path: string): Promise<Body> {
  const response = await supertest(app).get(path);
  assert.equal(response.status, 200, response.text);
  return response.body;
}

function post(productId: string, key: string, body: object, as = issuer.ada) {
  const request = supertest(app).post(`/products/${productId}/reviews`);
  return request.set({ 'Idempotency-Key': key, ...as }).send(body);
}

async function countOf(productId: string): Promise<number | undefined> {
  const { items } = await get<Schemas['RatingList']>(`/ratings?ids=${productId}`);
  return items[0]?.count;
}

const review = { stars: 4, body: 'Pours well.' };

describeFrontDoor({
  document: loadOpenApi('reviews'),
  app: () => app,
  issuer: () => issuer,
  samples: {
    listRatings: { path: '/ratings?ids=p1' },
    listProductReviews: { path: '/product-reviews?ids=p1' },
    listReviewsOfProduct: { path: '/products/p1/reviews' },
    addReview: {
      path: '/products/p9000/reviews',
      headers: { 'Idempotency-Key': 'front-door' },
      body: review,
      as: 'ada',
    },
    listReviews: { path: '/reviews?ids=r1' },
  },
});

describe('The reviews of a new shop', () => {
  it('are five a product on average: many of some products, none of others', async () => {
    const seeded = db.selectFrom('reviews').where('created_at', '<', new Date(now));
    const perProduct = await seeded
      .groupBy('product_id')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .execute();
    const counts = perProduct.map(({ count }) => count);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      5_000,
    );
    assert.ok(Math.max(...counts) > 100 && counts.length < 1_000);
    const numbers = await seeded
      .select(sql<number>`max(substr(id, 2)::integer)`.as('max'))
      .executeTakeFirst();
    assert.equal(numbers?.max, 5_000);
  });

  it('have stars of every kind, mostly good ones', async () => {
    const rows = await db
      .selectFrom('reviews')
      .groupBy('stars')
      .orderBy('stars')
      .select((eb) => ['stars', eb.fn.countAll<number>().as('count')])
      .execute();
    assert.deepEqual(
      rows.map(({ stars }) => stars),
      [1, 2, 3, 4, 5],
    );
    assert.ok((rows[4]?.count ?? 0) + (rows[3]?.count ?? 0) > 2_500);
  });
});

describe('The table of reviews', () => {
  it('refuses what the service would refuse, and numbers reviews itself', async () => {
    const row = { product_id: 'p7011', customer_id: 'c1', stars: 3, body: 'By hand.' };
    for (const wrong of [
      { stars: 0 },
      { stars: 6 },
      { body: '' },
      { product_id: 'x' },
      { customer_id: '' },
      { id: '7' },
    ]) {
      await assert.rejects(
        db
          .insertInto('reviews')
          .values({ ...row, ...wrong })
          .execute(),
        /check constraint/,
      );
    }
    await db.insertInto('reviews').values(row).execute();
    const { items } = await get<Schemas['ReviewPage']>('/products/p7011/reviews');
    assert.equal(items[0]?.body, 'By hand.');
  });
});

describe('Ratings', () => {
  it('are the mean of the stars with two decimals, and 0 from 0 for a product without reviews', async () => {
    for (const [index, stars] of [5, 5, 4].entries())
      await post('p7001', `rating-${index}`, { ...review, stars });
    const { items } = await get<Schemas['RatingList']>('/ratings?ids=p8888,p7001');
    assert.deepEqual(items, [
      { productId: 'p8888', average: 0, count: 0 },
      { productId: 'p7001', average: 4.67, count: 3 },
    ]);
  });
});

describe('The reviews of a product', () => {
  it('are walked page by page, newest first, without gaps or repeats, also while some are added and removed', async () => {
    // Half of them at one moment, so that pages end between equals.
    await db
      .insertInto('reviews')
      .values(
        Array.from({ length: 60 }, (_, index) => ({
          product_id: 'p7002',
          customer_id: 'c1',
          stars: 3,
          body: 'Fine.',
          created_at: new Date(now - (index % 2) * index),
        })),
      )
      .execute();
    const whole = await get<Schemas['ReviewPage']>('/products/p7002/reviews?limit=100');
    assert.equal(whole.items.length, 60);
    assert.equal(whole.next, null);
    assert.deepEqual(
      whole.items.map(({ createdAt }) => createdAt),
      whole.items.map(({ createdAt }) => createdAt).sort((a, b) => (a < b ? 1 : -1)),
    );

    const seen: string[] = [];
    for (let path = '/products/p7002/reviews?limit=7', more = ''; ; ) {
      const page = await get<Schemas['ReviewPage']>(path + more);
      seen.push(...page.items.map(({ id }) => id));
      await post('p7002', `walk-${seen.length}`, review);
      await db
        .deleteFrom('reviews')
        .where('id', '=', page.items[0]?.id ?? '')
        .execute();
      if (page.next === null) break;
      more = `&cursor=${page.next}`;
    }
    const original = whole.items.map(({ id }) => id);
    assert.deepEqual(
      seen.filter((id) => original.includes(id)),
      original,
    );
    assert.equal(new Set(seen).size, seen.length);
  });

  it('say of a full page whether more follow', async () => {
    for (const key of ['full-1', 'full-2']) await post('p7010', key, review);
    const page = await get<Schemas['ReviewPage']>('/products/p7010/reviews?limit=2');
    assert.equal(page.items.length, 2);
    assert.equal(page.next, null);
  });

  it('are empty for a product that nobody has reviewed', async () => {
    assert.deepEqual(await get('/products/p8888/reviews'), { items: [], cursors: [], next: null });
  });

  it('come twenty at a time if not told otherwise', async () => {
    const page = await get<Schemas['ReviewPage']>('/products/p1/reviews');
    assert.equal(page.items.length, 20);
    assert.equal(page.next, page.cursors[19]);
  });

  it('refuse the cursor of another product, and cursors that nobody gave', async () => {
    const { next } = await get<Schemas['ReviewPage']>('/products/p1/reviews?limit=1');
    assertProblem(await supertest(app).get(`/products/p4/reviews?cursor=${next}`), 400, 'cursor');
    for (const values of [
      [],
      [1],
      ['1', 'r1'],
      [1e300, 'r1'],
      [0.5, 'r1'],
      [-1, 'r1'],
      [1, 'r\u0000'],
      [1, 'r1', 1],
    ]) {
      const cursor = Buffer.from(JSON.stringify(['reviews p1', ...values])).toString('base64url');
      assertProblem(await supertest(app).get(`/products/p1/reviews?cursor=${cursor}`), 400, 'cursor');
    }
  });
});

describe('The first reviews of many products', () => {
  it('are the first pages of these products, two reviews each if not told otherwise', async () => {
    const { items } = await get<Schemas['ProductReviewsList']>('/product-reviews?ids=p4,p8888,p1');
    assert.deepEqual(
      items.map(({ productId, reviews }) => [productId, reviews.length]),
      [
        ['p4', 2],
        ['p8888', 0],
        ['p1', 2],
      ],
    );
    for (const { productId, reviews, ...rest } of items) {
      const page = await get(`/products/${productId}/reviews?limit=2`);
      assert.deepEqual(page, { items: reviews, ...rest });
    }
  });

  it('say where to go on', async () => {
    const { items } = await get<Schemas['ProductReviewsList']>('/product-reviews?ids=p1&first=20');
    assert.equal(items[0]?.reviews.length, 20);
    const rest = await get<Schemas['ReviewPage']>(
      `/products/p1/reviews?limit=5&cursor=${items[0]?.cursors[14]}`,
    );
    assert.deepEqual(rest.items, items[0]?.reviews.slice(15));
  });
});

describe('Many reviews by id', () => {
  it('come in the order asked for, without those that do not exist', async () => {
    const { items } = await get<Schemas['ReviewList']>('/reviews?ids=r30,r999999,r4');
    assert.deepEqual(
      items.map(({ id }) => id),
      ['r30', 'r4'],
    );
  });
});

describe('Adding a review', () => {
  it('answers 201 with the review, which then stands first', async () => {
    const body = 'Two lines.\nAnd a tab:\t👩🏽‍🚀 — "quoted"; drop table reviews';
    const { status, body: added } = await post('p1', 'first', { stars: 5, body }, issuer.grace);
    assert.equal(status, 201);
    assert.match(added.id, /^r\d+$/);
    const createdAt = new Date(now).toISOString();
    assert.deepEqual(added, { id: added.id, productId: 'p1', customerId: 'c2', stars: 5, body, createdAt });
    assert.deepEqual((await get<Schemas['ReviewPage']>('/products/p1/reviews?limit=1')).items, [added]);
    assert.deepEqual((await get<Schemas['ReviewList']>(`/reviews?ids=${added.id}`)).items, [added]);
  });

  it('gives the same answer to the same command and adds nothing, also after the review was changed', async () => {
    const first = await post('p7003', 'again', review);
    await db.updateTable('reviews').set({ stars: 1 }).where('id', '=', first.body.id).execute();
    const second = await post('p7003', 'again', review);
    assert.deepEqual([second.status, second.text], [201, first.text]);
    assert.match(first.get('Commit-Id') ?? '', /^reviews:\d+$/);
    assert.equal(second.get('Commit-Id'), first.get('Commit-Id'));
    assert.equal(await countOf('p7003'), 1);
  });

  it('adds one review when the same command comes many times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('p7004', 'at-once', review)));
    const told = answers.map((answer) => `${answer.status} ${answer.text} ${answer.get('Commit-Id')}`);
    assert.equal(new Set(told).size, 1);
    assert.equal(answers[0]?.status, 201);
    assert.equal(await countOf('p7004'), 1);
  });

  it('refuses a used key for another review', async () => {
    await post('p7005', 'used', review);
    for (const other of [{ stars: 5 }, { body: 'Pours badly.' }]) {
      assertProblem(await post('p7005', 'used', { ...review, ...other }), 422, 'Idempotency-Key');
    }
    assertProblem(await post('p7006', 'used', review), 422, 'Idempotency-Key');
    assert.equal(await countOf('p7005'), 1);
    assert.equal(await countOf('p7006'), 0);
  });

  it('keeps the keys of customers apart', async () => {
    const answers = [await post('p7007', 'mine', review), await post('p7007', 'mine', review, issuer.grace)];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201],
    );
    assert.equal(await countOf('p7007'), 2);
  });

  it('forgets the key when the review could not be stored', async () => {
    await sql`alter table reviews add constraint not_now check (product_id <> 'p7008')`.execute(db);
    assertProblem(await post('p7008', 'retry', review), 500);
    await sql`alter table reviews drop constraint not_now`.execute(db);
    assert.equal((await post('p7008', 'retry', review)).status, 201);
    assert.equal(await countOf('p7008'), 1);
  });

  it('takes up to 2,000 characters, however many bytes they have, and no blank text', async () => {
    const longest: Review = (await post('p7009', 'long', { ...review, body: '👍'.repeat(2_000) })).body;
    assert.equal([...longest.body].length, 2_000);
    for (const body of ['👍'.repeat(2_001), ' \n\t ', 'bell \u0007']) {
      assertProblem(await post('p7009', 'refused', { ...review, body }), 400, 'body');
    }
  });

  it('takes the customer from the token, whatever else the request says', async () => {
    assertProblem(await post('p7012', 'whose', { ...review, customerId: 'c2' }), 400);
    const added = await post('p7012', 'whose', review).set('Portico-Subject', 'c2');
    assert.equal(added.body.customerId, 'c1');
  });

  it('is not for operators, nor for a user whose name no customer can have', async () => {
    assertProblem(await post('p7012', 'operator', review, issuer.root), 403, 'customer');
    const stranger = { authorization: `Bearer ${await issuer.mint({ sub: 'auth0|7' })}` };
    assertProblem(await post('p7012', 'stranger', review, stranger), 403, 'ustomers');
    assert.equal(await countOf('p7012'), 1);
  });

  it('refuses stars outside 1 to 5', async () => {
    for (const stars of [0, 6, 4.5, '4']) {
      assertProblem(await post('p7009', 'refused', { ...review, stars }), 400, 'stars');
    }
  });
});
