import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { components } from '@portico/contracts/generated/catalog.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { assertProblem, describeFrontDoor } from '@portico/testing/service-suite.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import type { Express } from 'express';
import supertest from 'supertest';
import { createCatalog } from './create-catalog.ts';
import { type CatalogTables, migrations } from './database.ts';
import { seedCatalog } from './seed.ts';

type ProductPage = components['schemas']['ProductPage'];
type Product = components['schemas']['Product'];

const productCount = 300;
let postgres: TestPostgres;
let db: Database<CatalogTables>;
let issuer: TokenIssuer;
let app: Express;
let ratingsAreKnown = true;

before(async () => {
  postgres = await startPostgres({ databases: ['catalog'] });
  db = createDatabase<CatalogTables>(String(postgres.databases.catalog), silentLogger);
  await migrateToLatest(db, migrations);
  await seedCatalog(db, productCount);
  issuer = await startTokenIssuer();
  app = createCatalog({
    db,
    ratingsAreKnown: async () => ratingsAreKnown,
    verifyToken: issuer.verify,
    log: silentLogger,
    metrics: createMetrics('catalog'),
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

/** The whole list, page by page; `between` runs after each page. */
async function walk(path: string, between: (page: ProductPage) => Promise<void> = async () => {}) {
  const items: Product[] = [];
  for (let cursor = ''; ; ) {
    const page: ProductPage = await get(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    assert.equal(page.cursors.length, page.items.length);
    items.push(...page.items);
    await between(page);
    if (page.next === null) return items;
    cursor = page.next;
  }
}

describeFrontDoor({
  document: loadOpenApi('catalog'),
  app: () => app,
  issuer: () => issuer,
  samples: {
    listProducts: { path: '/products?ids=p1' },
    getProduct: { path: '/products/p1' },
    setPrice: { path: '/products/p1/price', body: { amount: 1_990 }, as: 'root' },
    listCategories: { path: '/categories' },
  },
});

describe('The catalog', () => {
  it('has twelve categories in the order of the shop', async () => {
    const { items } = await get<components['schemas']['CategoryList']>('/categories');
    const ids = 'coffee kitchen audio books garden bikes lighting toys desk outdoor bags wellness';
    assert.equal(items.map(({ id }) => id).join(' '), ids);
  });

  it('shows a product with its category, picture and price', async () => {
    const product = await get<Product>('/products/p1');
    assert.equal(product.id, 'p1');
    assert.deepEqual(product.category, { id: 'coffee', name: 'Coffee & Tea' });
    assert.equal(product.imageUrl, '/images/coffee/p1.svg');
    assert.equal(product.price.currency, 'EUR');
  });

  it('says which product does not exist', async () => {
    assertProblem(await supertest(app).get('/products/p999999999'), 404, 'p999999999');
    assertProblem(
      await supertest(app).put('/products/p301/price').set(issuer.root).send({ amount: 1 }),
      404,
      'p301',
    );
  });

  it('gives products by id in the order asked for, without those that do not exist', async () => {
    const page = await get<ProductPage>('/products?ids=p7,p9999,p2,p300');
    assert.deepEqual(
      page.items.map(({ id }) => id),
      ['p7', 'p2', 'p300'],
    );
    assert.deepEqual([page.cursors, page.next], [[], null]);
  });

  it('does not mix ids with a list', async () => {
    for (const other of ['category=coffee', 'q=kettle', 'sort=newest', 'limit=5', 'cursor=x']) {
      const name = String(other.split('=')[0]);
      assertProblem(await supertest(app).get(`/products?ids=p1&${other}`), 400, name);
    }
  });
});

describe('A list of products', () => {
  it('has 20 products if not told otherwise, as the shop arranged them', async () => {
    const page = await get<ProductPage>('/products');
    assert.equal(page.items.length, 20);
    assert.equal(page.next, page.cursors.at(-1));
    assert.deepEqual(page, await get<ProductPage>('/products?sort=featured&limit=20'));
    const arranged = await db
      .selectFrom('products')
      .select('id')
      .orderBy('featured_rank')
      .limit(20)
      .execute();
    assert.deepEqual(
      page.items.map(({ id }) => id),
      arranged.map(({ id }) => id),
    );
  });

  const orders: Record<string, (a: Product, b: Product) => boolean> = {
    price_asc: (a, b) => a.price.amount <= b.price.amount,
    price_desc: (a, b) => a.price.amount >= b.price.amount,
    newest: (a, b) => a.createdAt >= b.createdAt,
  };
  for (const [sort, inOrder] of Object.entries(orders)) {
    it(`can be sorted by ${sort}`, async () => {
      const items = await walk(`/products?sort=${sort}&limit=100`);
      for (const [index, product] of items.slice(1).entries()) {
        assert.ok(inOrder(items[index] as Product, product), `${items[index]?.id} before ${product.id}`);
      }
    });
  }

  for (const sort of ['featured', 'price_asc', 'price_desc', 'newest']) {
    it(`is walked page by page without gaps or repeats, sorted by ${sort}`, async () => {
      // Many prices and one time are shared, so that pages end between equals.
      await db
        .updateTable('products')
        .set({ price_amount: 500, featured_rank: 7 })
        .where('id', 'like', '%1%')
        .execute();
      const whole = (await walk(`/products?sort=${sort}&limit=100`)).map(({ id }) => id);
      assert.equal(new Set(whole).size, productCount);
      assert.deepEqual(
        (await walk(`/products?sort=${sort}&limit=7`)).map(({ id }) => id),
        whole,
      );
    });
  }

  it('has only products of the category asked for, and all of them', async () => {
    const items = await walk('/products?category=books&sort=price_asc&limit=10');
    assert.equal(new Set(items.map(({ id }) => id)).size, productCount / 12);
    assert.ok(items.every(({ category }) => category.id === 'books'));
  });

  it('says of a full page whether more follow', async () => {
    const page = await get<ProductPage>(`/products?category=books&limit=${productCount / 12}`);
    assert.equal(page.items.length, productCount / 12);
    assert.equal(page.next, null);
  });

  it('goes on after any product by its own cursor', async () => {
    const page = await get<ProductPage>('/products?sort=newest&limit=10');
    const rest = await get<ProductPage>(`/products?sort=newest&limit=6&cursor=${page.cursors[3]}`);
    assert.deepEqual(rest.items, page.items.slice(4));
  });

  it('neither repeats nor leaves out a product when others are added, removed or moved meanwhile', async () => {
    const original = (await walk('/products?sort=price_asc&limit=100')).map(({ id }) => id);
    let next = 1_000;
    const seen = await walk('/products?sort=price_asc&limit=9', async (page) => {
      const last = page.items.at(-1)?.price.amount ?? 0;
      for (const amount of [0, last, last + 1]) {
        const added = { id: `p${next++}`, name: 'Added', category_id: 'toys', price_amount: amount };
        await db.insertInto('products').values(added).execute();
      }
      await db
        .deleteFrom('products')
        .where('id', '=', page.items[0]?.id ?? '')
        .execute();
    });
    const seenOriginals = seen.map(({ id }) => id).filter((id) => original.includes(id));
    assert.deepEqual(seenOriginals, original);
    assert.equal(new Set(seen.map(({ id }) => id)).size, seen.length);
  });

  it('refuses a category that does not exist', async () => {
    assertProblem(await supertest(app).get('/products?category=weapons'), 400, 'weapons');
  });

  it('refuses an order that does not exist', async () => {
    assertProblem(await supertest(app).get('/products?sort=best'), 400, 'sort');
  });

  it('refuses the cursor of another list, and cursors that nobody gave', async () => {
    const { next } = await get<ProductPage>('/products?sort=price_asc&category=toys&limit=1');
    for (const list of ['sort=price_asc', 'sort=price_desc&category=toys', 'sort=price_asc&category=desk']) {
      assertProblem(await supertest(app).get(`/products?${list}&cursor=${next}`), 400, 'cursor');
    }
    const [list] = JSON.parse(Buffer.from(String(next), 'base64url').toString());
    const forge = (...values: unknown[]) =>
      Buffer.from(JSON.stringify([list, ...values])).toString('base64url');
    const forged = [
      forge(),
      forge(1),
      forge('1', 'p1'),
      forge(1, 2),
      forge(1e300, 'p1'),
      forge(0.5, 'p1'),
      forge(-1, 'p1'),
    ];
    for (const cursor of [
      ...forged,
      forge(1_000_000_001, 'p1'),
      forge(1, 'p\u0000'),
      'e30',
      'bnVsbA',
      '%F0%9F',
    ]) {
      const response = await supertest(app).get(`/products?sort=price_asc&category=toys&cursor=${cursor}`);
      assertProblem(response, 400, 'cursor');
    }
  });
});

describe('The order by rating', () => {
  const rate = (id: string, rating_average: number, rating_count: number) =>
    db.updateTable('products').set({ rating_average, rating_count }).where('id', '=', id).execute();
  const idsOf = (items: readonly Product[]) => items.map(({ id }) => id);

  it('is by average, then by the number of reviews, then total; products without reviews come last', async () => {
    await rate('p20', 500, 1);
    await rate('p21', 460, 7);
    await rate('p22', 460, 90);
    await rate('p23', 460, 90);
    await rate('p24', 100, 3);
    const rated = ['p20', 'p23', 'p22', 'p21', 'p24'];
    for (const limit of [1, 2, 100]) {
      const all = idsOf(await walk(`/products?sort=rating&limit=${limit === 1 ? 3 : limit}`));
      assert.deepEqual(all.slice(0, 5), rated);
      assert.equal(new Set(all).size, all.length);
    }
    const { category } = await get<Product>('/products/p22');
    const [first] = await walk(`/products?sort=rating&category=${category.id}`);
    assert.equal(first?.id, 'p22');
  });

  it('is refused as not supported until all ratings are known', async () => {
    ratingsAreKnown = false;
    assertProblem(await supertest(app).get('/products?sort=rating'), 501, 'rating');
    ratingsAreKnown = true;
  });

  it('is refused as not supported where nobody follows reviews', async () => {
    const alone = createCatalog({ db, log: silentLogger, metrics: createMetrics('catalog') });
    assertProblem(await supertest(alone).get('/products?sort=rating'), 501, 'rating');
    assert.equal((await supertest(alone).get('/products?q=kettle')).status, 200);
  });
});

describe('A search', () => {
  const search = async (q: string, more = '') =>
    (await walk(`/products?q=${encodeURIComponent(q)}${more}`)).map(({ id }) => id);

  before(async () => {
    const row = { category_id: 'toys', price_amount: 100 };
    await db
      .insertInto('products')
      .values([
        { ...row, id: 'p701', name: 'Quillon lantern', description: 'Shines.' },
        { ...row, id: 'p702', name: 'Stand', description: 'Holds a lantern, or two lanterns of quillon.' },
        { ...row, id: 'p703', name: 'Quillon box', description: 'Holds things.', category_id: 'desk' },
        { ...row, id: 'p704', name: 'ÉTÉ 夏 naïve', description: "Robert'); drop table products;--" },
      ])
      .execute();
  });

  it('finds words of name and description in any form, the name first', async () => {
    assert.deepEqual(await search('quillon lanterns'), ['p701', 'p702']);
    assert.deepEqual((await search('quillon')).slice(2), ['p702']);
    assert.deepEqual(await search('"quillon box"'), ['p703']);
    assert.deepEqual(await search('quillon -lantern'), ['p703']);
    assert.deepEqual((await search('naïve or "quillon box"')).toSorted(), ['p703', 'p704']);
    assert.deepEqual(await search('夏'), ['p704']);
    assert.deepEqual(await search('quillon the'), await search('quillon'));
    assert.deepEqual(await search('the'), []);
  });

  it('keeps to a category and takes any order, page by page', async () => {
    assert.deepEqual(await search('quillon', '&category=desk'), ['p703']);
    const anyOrder = (await search('steel')).toSorted();
    assert.ok(anyOrder.length > 10);
    for (const sort of ['featured', 'price_asc', 'price_desc', 'newest', 'rating']) {
      const whole = await search('steel', `&limit=100&sort=${sort}`);
      assert.deepEqual(await search('steel', `&limit=3&sort=${sort}`), whole);
      assert.deepEqual(whole.toSorted(), anyOrder);
    }
    const cheap = await walk('/products?q=steel&sort=price_asc');
    assert.ok(cheap.every(({ price }, index) => price.amount >= (cheap[index - 1]?.price.amount ?? 0)));
  });

  it('follows what is written into the table, whoever writes', async () => {
    await db.updateTable('products').set({ name: 'Zephyrine' }).where('id', '=', 'p703').execute();
    assert.deepEqual(await search('zephyrine'), ['p703']);
    await db.updateTable('products').set({ description: '' }).where('id', '=', 'p702').execute();
    assert.deepEqual(await search('quillon'), ['p701']);
  });

  it('finds a meaning in any text', async () => {
    for (const q of [
      '" - or " a',
      '-a',
      '!a & | b:* <-> (',
      "a'b\\c",
      'a '.repeat(100),
      '夏'.repeat(200),
      'a\ttab 😀',
    ]) {
      const { status, text } = await supertest(app).get(`/products?q=${encodeURIComponent(q)}&limit=1`);
      assert.equal(status, 200, `${q}: ${text}`);
    }
  });

  it('refuses the cursor of a search for other words', async () => {
    const { next } = await get<ProductPage>('/products?q=steel&limit=1');
    assert.equal((await supertest(app).get(`/products?q=steel&limit=1&cursor=${next}`)).status, 200);
    for (const list of ['q=steels', 'limit=1', 'q=steel&sort=newest', 'q=steel&category=toys'])
      assertProblem(await supertest(app).get(`/products?${list}&cursor=${next}`), 400, 'cursor');
  });
});

describe('The table of products', () => {
  it('refuses what the service would refuse, and takes a product with little said of it', async () => {
    const row = { id: 'p900', name: 'By hand', category_id: 'toys', price_amount: 100 };
    for (const wrong of [{ id: 'x' }, { name: '' }, { price_amount: -1 }, { price_amount: 1_000_000_001 }]) {
      await assert.rejects(
        db
          .insertInto('products')
          .values({ ...row, ...wrong })
          .execute(),
        /check constraint/,
      );
    }
    const homeless = db.insertInto('products').values({ ...row, category_id: 'none' });
    await assert.rejects(homeless.execute(), /foreign key/);
    await db.insertInto('products').values(row).execute();
    const { price } = await get<Product>('/products/p900');
    assert.deepEqual(price, { amount: 100, currency: 'EUR' });
  });
});

describe('Setting a price', () => {
  it('changes the price and nothing else, and shows at once', async () => {
    const before = await get<Product>('/products/p5');
    const other = await get<Product>('/products/p6');
    for (const amount of [0, 1, 1_000_000_000, 4_990, 4_990]) {
      const { status, body } = await supertest(app)
        .put('/products/p5/price')
        .set(issuer.root)
        .send({ amount });
      assert.equal(status, 200);
      assert.deepEqual(body, { ...before, price: { amount, currency: 'EUR' } });
      assert.deepEqual(await get<Product>('/products/p5'), body);
    }
    assert.deepEqual(await get<Product>('/products/p6'), other);
  });

  it('refuses amounts that are no price', async () => {
    for (const amount of [-1, 1_000_000_001, 1.5, '100']) {
      assertProblem(
        await supertest(app).put('/products/p5/price').set(issuer.root).send({ amount }),
        400,
        'amount',
      );
    }
  });
});
