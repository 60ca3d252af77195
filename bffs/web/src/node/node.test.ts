import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { toGlobalId } from '../relay/global-id.ts';
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

const node = `query ($id: ID!) { node(id: $id) {
  __typename id ... on Product { sku } ... on Review { body } ... on Customer { displayName } ... on Category { slug }
} }`;

test('everything that has an id is found again by it', async () => {
  const { body } = await web.query(`{
    products(first: 1) { edges { node { id category { id } reviews(first: 1) { edges { node { id author { id } } } } } } }
  }`);
  const product = body.data.products.edges[0].node;
  const review = product.reviews.edges[0].node;
  const expected = [
    { __typename: 'Product', id: product.id, sku: 'p1' },
    { __typename: 'Category', id: product.category.id, slug: 'coffee' },
    { __typename: 'Review', id: review.id, body: 'Review 25 of p1.' },
    { __typename: 'Customer', id: review.author.id, displayName: 'Customer 1' },
  ];
  for (const found of expected) {
    const answer = await web.query(node, { id: found.id });
    assert.deepEqual(answer.body, { data: { node: found } });
  }
});

test('an id of something that is not there is null', async () => {
  const gone = [
    ['Product', 'p999'],
    ['Review', 'r9999'],
    ['Customer', 'c6'],
    ['Category', 'nope'],
    ['Product', 'c1'],
    ['Order', 'o1'],
    ['constructor', 'x'],
  ] as const;
  for (const [type, id] of gone) {
    const { body } = await web.query(node, { id: toGlobalId(type, id) });
    assert.deepEqual(body, { data: { node: null } }, `${type} ${id}`);
  }
});

test('what this API can not have given as an id is refused', async () => {
  const good = toGlobalId('Product', 'p1');
  const malformed = [
    '',
    'p1',
    'Product:p1',
    `${good}=`,
    `${good}\n`,
    `${good.slice(0, -1)}R`,
    Buffer.from('Product:').toString('base64url'),
    Buffer.from('Product:p1?ids=p2').toString('base64url'),
    Buffer.from('Product:\u0000').toString('base64url'),
    '\ud800',
    'x'.repeat(10_000),
  ];
  for (const id of malformed) {
    const { status, body } = await web.query(node, { id });
    assert.equal(status, 200, id);
    assert.deepEqual(body.data, { node: null }, id);
    assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT', id);
    assert.deepEqual(body.errors[0].path, ['node'], id);
  }
});
