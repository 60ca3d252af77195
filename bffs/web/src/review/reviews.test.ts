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
  'edges { cursor node { id body } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

test('a reader who goes on after the last cursor sees every review once, the newest first', async () => {
  const seen: string[] = [];
  let after = '';
  for (;;) {
    const { body } = await web.query(
      `{ product(sku: "p1") { reviews(first: 10${after}) { ${connection} } } }`,
    );
    const { edges, pageInfo } = body.data.product.reviews;
    seen.push(...edges.map((edge: { node: { body: string } }) => edge.node.body));
    assert.equal(pageInfo.hasPreviousPage, after !== '');
    assert.equal(pageInfo.endCursor, edges.at(-1).cursor);
    if (!pageInfo.hasNextPage) break;
    after = `, after: "${pageInfo.endCursor}"`;
  }
  const expected = shop.data.reviews.filter(({ productId }) => productId === 'p1').map(({ body }) => body);
  assert.equal(expected.length, 25);
  assert.deepEqual(seen, expected);
});

test('a product that nobody has reviewed has an empty list', async () => {
  const { body } = await web.query(`{ product(sku: "p2") { reviews { ${connection} } } }`);
  assert.deepEqual(body.data.product.reviews, {
    edges: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
  });
});

test('a number of reviews outside of 1 to 20, or a cursor of another product, is refused', async () => {
  const { body: other } = await web.query(
    '{ product(sku: "p4") { reviews(first: 1) { edges { cursor } } } }',
  );
  const cursor = other.data.product.reviews.edges[0].cursor;
  for (const args of [
    'first: 0',
    'first: 21',
    'first: -1',
    'first: 1000000000',
    `after: "${cursor}"`,
    'after: "x"',
  ]) {
    const { body } = await web.query(`{ product(sku: "p1") { name reviews(${args}) { edges { cursor } } } }`);
    assert.deepEqual(body.data, { product: { name: 'Product 1', reviews: null } }, args);
    assert.deepEqual(body.errors[0].path, ['product', 'reviews'], args);
    assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT', args);
  }
});

test('one operation can ask for different numbers of reviews of the same product', async () => {
  const { body } = await web.query(
    '{ product(sku: "p1") { one: reviews(first: 1) { edges { cursor } } three: reviews(first: 3) { edges { cursor } } } }',
  );
  assert.equal(body.data.product.one.edges.length, 1);
  assert.equal(body.data.product.three.edges.length, 3);
});
