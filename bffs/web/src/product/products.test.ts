import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';

let shop: ShopServices;
let web: TestWeb;
before(async () => {
  shop = await startShopServices();
  web = createTestWeb(shop);
});
after(async () => {
  await web.close();
  await shop.close();
});

const connection =
  'edges { cursor node { sku } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

async function list(args: string) {
  const { body } = await web.query(`{ products${args} { ${connection} } }`);
  assert.equal(body.errors, undefined);
  const { edges, pageInfo } = body.data.products as {
    edges: { cursor: string; node: { sku: string } }[];
    pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
  };
  return { skus: edges.map(({ node }) => node.sku), cursors: edges.map(({ cursor }) => cursor), pageInfo };
}

async function refusal(args: string) {
  const { status, body } = await web.query(`{ products${args} { ${connection} } }`);
  assert.equal(status, 200);
  assert.equal(body.data, null);
  assert.equal(body.errors.length, 1);
  return body.errors[0];
}

test('a reader who goes on after the last cursor sees every product once', async () => {
  const seen: string[] = [];
  let after = '';
  for (;;) {
    const { skus, cursors, pageInfo } = await list(`(first: 20${after})`);
    seen.push(...skus);
    assert.equal(pageInfo.hasPreviousPage, after !== '');
    assert.equal(pageInfo.startCursor, cursors[0]);
    assert.equal(pageInfo.endCursor, cursors.at(-1));
    if (!pageInfo.hasNextPage) break;
    after = `, after: "${pageInfo.endCursor}"`;
  }
  assert.deepEqual(
    seen,
    shop.data.products.map(({ id }) => id),
  );
});

test('a reader can go on after any product', async () => {
  const { cursors } = await list('(first: 5)');
  const { skus } = await list(`(first: 2, after: "${cursors[2]}")`);
  assert.deepEqual(skus, ['p4', 'p5']);
});

test('twenty products come when nobody says how many, and null arguments are as good as none', async () => {
  assert.equal((await list('')).skus.length, 20);
  assert.equal(
    (await list('(first: null, after: null, category: null, search: null, sort: null)')).skus.length,
    20,
  );
});

test('products come in the order asked for', async () => {
  assert.deepEqual((await list('(first: 2, sort: PRICE_ASC)')).skus, ['p1', 'p2']);
  assert.deepEqual((await list('(first: 2, sort: PRICE_DESC)')).skus, ['p45', 'p44']);
  assert.deepEqual((await list('(first: 2, sort: NEWEST)')).skus, ['p45', 'p44']);
  assert.deepEqual((await list('(first: 2, sort: FEATURED)')).skus, ['p1', 'p2']);
});

test('the products of a category are found by its slug and by its id', async () => {
  const { body } = await web.query('{ categories { id slug name } }');
  assert.deepEqual(
    body.data.categories.map(({ slug, name }: Record<string, string>) => ({ id: slug, name })),
    shop.data.categories,
  );
  const [{ id, slug }] = body.data.categories;
  const expected = ['p1', 'p4', 'p7'];
  assert.deepEqual((await list(`(first: 3, category: "${slug}")`)).skus, expected);
  assert.deepEqual((await list(`(first: 3, category: "${id}")`)).skus, expected);
});

test('a number of products outside of 1 to 100 is refused by name of the limit', async () => {
  for (const first of [0, -1, 1_000_000_000]) {
    assert.deepEqual(await refusal(`(first: ${first})`), {
      message: `"first" must be from 1 to 100, got ${first}.`,
      locations: [{ line: 1, column: 3 }],
      path: ['products'],
      extensions: { code: 'BAD_USER_INPUT' },
    });
  }
  assert.equal((await list('(first: 100)')).skus.length, 45);
});

test('a category or a cursor that the catalogue does not know is refused', async () => {
  const otherList = (await list('(first: 1, sort: NEWEST)')).cursors[0];
  const bad = [
    '(category: "nope")',
    '(category: "No such\\u0000thing")',
    `(category: "${Buffer.from('Category:nope').toString('base64url')}")`,
    '(after: "nope")',
    '(after: "")',
    `(after: "${'x'.repeat(600)}")`,
    `(after: "${otherList}")`,
  ];
  for (const args of bad) {
    const { message, extensions } = await refusal(args);
    assert.equal(extensions.code, 'BAD_USER_INPUT', args);
    assert.match(message, /category|after|cursor/, args);
  }
});

test('half a character, which no address can carry, is refused', async () => {
  for (const [name, value] of [
    ['after', '\ud800'],
    ['category', 'a\ud800'],
    ['search', 'a\ud800'],
  ] as const) {
    const { body } = await web.query(`query ($v: String) { products(${name}: $v) { edges { cursor } } }`, {
      v: value,
    });
    assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT', name);
  }
});

test('products are found by words, in a category and in any order, and read on', async () => {
  assert.deepEqual((await list('(search: "17")')).skus, ['p17']);
  assert.deepEqual((await list('(search: "17", category: "coffee")')).skus, []);
  const first = await list('(search: "product", sort: PRICE_DESC, first: 2)');
  assert.deepEqual(first.skus, ['p45', 'p44']);
  const next = await list(
    `(search: "product", sort: PRICE_DESC, first: 1, after: "${first.pageInfo.endCursor}")`,
  );
  assert.deepEqual(next.skus, ['p43']);
});

test('words that nobody could look for are refused', async () => {
  for (const search of ['', ' ', '?!', 'x'.repeat(201), 'a\\u0000']) {
    const { message, extensions } = await refusal(`(search: "${search}")`);
    assert.deepEqual([extensions.code, /"search"/.test(message)], ['BAD_USER_INPUT', true], search);
  }
});

test('the best rated products come first, without a call to reviews', async () => {
  const byRating = (await list('(sort: RATING, first: 100)')).skus;
  const { body } = await web.query(
    '{ products(sort: RATING, first: 100) { edges { node { rating { average } } } } }',
  );
  const averages = body.data.products.edges.map(
    ({ node }: { node: { rating: { average: number } } }) => node.rating.average,
  );
  assert.deepEqual(
    averages,
    averages.toSorted((a: number, b: number) => b - a),
  );
  assert.equal(byRating.at(-1), 'p2');
  shop.takeCalls();
  await list('(sort: RATING, first: 3)');
  assert.deepEqual(
    shop.takeCalls().map(({ service }) => service),
    ['catalog'],
  );
});

test('a catalogue that does not know the ratings says so, and is asked again', async () => {
  const knowing = shop.data.ratingsAreKnown;
  shop.data.ratingsAreKnown = false;
  for (let asked = 0; asked < 20; asked++) {
    const { message, extensions } = await refusal('(sort: RATING, first: 7)');
    assert.deepEqual(extensions, { code: 'NOT_SUPPORTED', service: 'catalog' });
    assert.match(message, /rating/);
  }
  shop.data.ratingsAreKnown = knowing;
  assert.equal((await list('(sort: RATING, first: 7)')).skus.length, 7);
});

test('a product is found by its sku, with all that is known of it', async () => {
  const { body } = await web.query(`{ product(sku: "p5") {
    id sku name description imageUrl category { slug name } price { amount currency }
    availability { inStock quantity } rating { average count } reviews { edges { node { stars createdAt } } }
  } }`);
  assert.deepEqual(body, {
    data: {
      product: {
        id: Buffer.from('Product:p5').toString('base64url'),
        sku: 'p5',
        name: 'Product 5',
        description: 'What there is to say about product 5.',
        imageUrl: '/images/kitchen/p5.svg',
        category: { slug: 'kitchen', name: 'Kitchen' },
        price: { amount: 500, currency: 'EUR' },
        availability: { inStock: true, quantity: 5 },
        rating: { average: 3, count: 3 },
        reviews: {
          edges: [
            { node: { stars: 4, createdAt: '2025-02-03T00:00:00.000Z' } },
            { node: { stars: 3, createdAt: '2025-02-02T00:00:00.000Z' } },
            { node: { stars: 2, createdAt: '2025-02-01T00:00:00.000Z' } },
          ],
        },
      },
    },
  });
});

test('a sku that nothing has is null, and one that is no sku at all takes nothing else with it', async () => {
  const { body } = await web.query(
    '{ a: product(sku: "p999") { sku } b: product(sku: "p1") { sku } c: product(sku: "?") { sku } d: product(sku: "") { sku } }',
  );
  assert.deepEqual(body, { data: { a: null, b: { sku: 'p1' }, c: null, d: null } });
});

test('nobody is signed in', async () => {
  const { body } = await web.query('{ me { displayName } }');
  assert.deepEqual(body, { data: { me: null } });
});
