import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { parse } from 'graphql';
import request from 'supertest';
import { createWebSchema } from '../schema.ts';
import { createTestWeb, type TestWeb } from '../web-bff.fixture.ts';
import { measureOperation } from './operation-size.ts';

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
beforeEach(() => {
  shop.takeCalls();
});

const many = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => write(i)).join(' ');

const tooLarge: [string, string, number, string][] = [
  ['2,000 aliases', 'tokens', 1_000, `{ ${many(2_000, (i) => `a${i}: me { id }`)} }`],
  ['depth 5,000', 'tokens', 1_000, `{ ${'me { '.repeat(5_000)}${'}'.repeat(5_000)} }`],
  ['a list of 5,000 lists', 'tokens', 1_000, `{ product(sku: ${'['.repeat(5_000)}) { sku } }`],
  [
    'a type of 2,000 lists',
    'tokens',
    1_000,
    `query ($x: ${'['.repeat(2_000)}Int${']'.repeat(2_000)}) { me { id } }`,
  ],
  ['51 aliases', 'aliases', 50, `{ me { ${many(51, (i) => `a${i}: id`)} } }`],
  ['990 times the same field', 'fields', 300, `{ me { ${'id '.repeat(990)} } }`],
  ['301 fields', 'fields', 300, `{ me { ${'id '.repeat(300)} } }`],
  ['21 directives', 'directives', 20, `{ me { id ${'@skip(if: false) '.repeat(21)} } }`],
  ['21 root fields', 'rootFields', 20, `{ ${many(21, (i) => `a${i}: me { id }`)} }`],
  [
    '21 root fields in fragments',
    'rootFields',
    20,
    `{ ...A ...A ...A } fragment A on Query { ${many(7, (i) => `a${i}: me { id }`)} }`,
  ],
  ['17 levels', 'depth', 16, `{ ${'me { '.repeat(16)} id ${'}'.repeat(16)} }`],
  ['100 levels', 'depth', 16, `{ ${'me { '.repeat(100)} id ${'}'.repeat(100)} }`],
  ['a fragment that spreads itself', 'depth', 16, '{ me { ...A } } fragment A on Customer { id ...A }'],
  [
    'fragments in many circles',
    'depth',
    16,
    `{ me { ...F0 } } ${many(40, (i) => `fragment F${i} on Customer { ${many(8, (j) => `...F${(i + j + 1) % 40}`)} }`)}`,
  ],
  [
    'fragments that double 40 times',
    'cost',
    10_000,
    `{ me { ...F0 } } ${many(40, (i) => `fragment F${i} on Customer { ...F${i + 1} ...F${i + 1} }`)} fragment F40 on Customer { id }`,
  ],
  [
    'every review of every product',
    'cost',
    10_000,
    '{ products(first: 100) { edges { node { reviews(first: 20) { edges { node { stars body author { id } } } } } } } }',
  ],
  [
    'a call of its own for each of 100 products',
    'cost',
    10_000,
    '{ products(first: 100) { edges { node { reviews(first: 1, after: "x") { edges { cursor } } } } } }',
  ],
];

for (const [name, limit, maximum, document] of tooLarge) {
  test(`${name}: refused by the limit "${limit}" before anything is read`, async () => {
    const { status, body } = await web.query(document);
    assert.equal(status, 400);
    assert.equal(body.errors.length, 1);
    assert.deepEqual(body.errors[0].extensions, { code: 'LIMIT_EXCEEDED', limit, maximum });
    assert.match(body.errors[0].message, new RegExp(`at most ${maximum}\\b`));
    assert.equal('data' in body, false);
    assert.deepEqual(shop.takeCalls(), []);
  });
}

test('what is just within the limits is answered', async () => {
  const documents = [
    `{ me { ${many(50, (i) => `a${i}: id`)} } }`,
    `{ me { ${'id '.repeat(299)} } }`,
    `{ ${many(20, (i) => `a${i}: me { id }`)} }`,
    '{ products(first: 100) { edges { node { sku reviews(first: 10) { edges { node { stars } } } } } } }',
  ];
  for (const document of documents) {
    const { status, body } = await web.query(document);
    assert.equal(status, 200, document);
    assert.equal(body.errors, undefined);
  }
});

test('a document that was cheap before is refused when its variables make it dear', async () => {
  const document = `query ($n: Int!) { products(first: $n) { edges { node {
    reviews(first: 20) { edges { node { stars body author { displayName } } } } } } } }`;
  assert.equal((await web.query(document, { n: 2 })).status, 200);
  const { body } = await web.query(document, { n: 100 });
  assert.equal(body.errors[0].extensions.limit, 'cost');
  assert.equal((await web.query(document, { n: 2 })).status, 200);
});

test('deep, long and odd values in variables are refused by what they are for', async () => {
  const document =
    'query ($n: Int, $s: String!) { products(first: $n) { edges { cursor } } product(sku: $s) { sku } }';
  for (const variables of [
    { n: 1, s: { toString: 'x' } },
    { n: 1, s: Array(20_000).fill(1) },
    { n: 1.5, s: 'p1' },
    { n: 1e300, s: 'p1' },
    { n: '1', s: 'p1' },
    { n: true, s: 'p1' },
    { n: 1 },
  ]) {
    const { status, body } = await web.query(document, variables);
    assert.equal(status, 400);
    assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT');
  }
  const { body } = await web.query(document, { n: 1, s: 'x'.repeat(90_000), unknown: 1 });
  assert.deepEqual(body.data.product, null);
});

test('values that are nested 10,000 deep are refused, or not looked at where no variable has their name', async () => {
  const send = (document: string) =>
    request(web.app)
      .post('/graphql')
      .accept('application/graphql-response+json')
      .set('Content-Type', 'application/json')
      .send(`{"query":"${document}","variables":{"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`);
  const uses = [
    'query ($deep: Int) { products(first: $deep) { edges { cursor } } }',
    'query ($deep: ProductSort) { products(sort: $deep) { edges { cursor } } }',
    'query ($deep: String!) { product(sku: $deep) { sku } }',
    'query ($deep: ID!) { node(id: $deep) { id } }',
  ];
  for (const document of uses) {
    const { status, body } = await send(document);
    assert.equal(status, 400, document);
    assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT', document);
  }
  assert.equal((await send('{ me { id } }')).status, 200);
});

test('a list counts as long as it can get, whatever other operations and null say of its variable', async () => {
  const page =
    'products(first: $n) { edges { node { reviews(first: $m) { edges { node { body author { displayName } } } } } } }';
  const aliases = Array.from({ length: 10 }, (_, index) => `a${index}: ${page}`).join(' ');
  const large = `query A($n: Int = 100, $m: Int = 20) { ${aliases} }`;
  const small =
    'query B($n: Int = 1, $m: Int = 1) { product(sku: "p1") { reviews(first: $m) { edges { cursor } } } products(first: $n) { edges { cursor } } }';
  const over = async (operation: object) => {
    const { body } = await request(web.app).post('/graphql').send(operation);
    assert.equal(body.errors?.[0].extensions.limit, 'cost', JSON.stringify(body).slice(0, 200));
  };
  await over({ query: large });
  await over({ query: `${large} ${small}`, operationName: 'A' });
  await over({
    query: `query A($n: Int = 1, $m: Int = 1) { ${aliases} }`,
    variables: { n: null, m: null },
  });
});

test('reviews of many lengths cost a call for each', () => {
  const aliases = Array.from(
    { length: 15 },
    (_, n) => `a${n}: product(sku: "p1") { reviews(first: ${n + 1}) { edges { cursor } } }`,
  );
  const cost = (count: number) => {
    const query = `{ ${aliases.slice(0, count).join(' ')} }`;
    return measureOperation(parse(query), createWebSchema(), {}).cost;
  };
  assert.ok(cost(15) - cost(1) > 14 * 100);
});
