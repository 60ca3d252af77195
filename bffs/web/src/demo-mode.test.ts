import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { getIntrospectionQuery } from 'graphql';
import request from 'supertest';
import { sampleQueries } from './graphiql/sample-queries.ts';
import { createTestWeb, type TestWeb } from './web-bff.fixture.ts';

let shop: ShopServices;
let demo: TestWeb;
let production: TestWeb;
before(async () => {
  shop = await startShopServices();
  demo = createTestWeb({ ...shop, demo: true });
  production = createTestWeb(shop);
});
after(async () => {
  await Promise.all([demo.close(), production.close()]);
  await shop.close();
});

const asBrowser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

test('the schema is shown in the demo and nowhere else', async () => {
  const introspection = getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true });
  const shown = await demo.query(introspection);
  assert.equal(shown.status, 200);
  assert.equal(shown.body.data.__schema.queryType.name, 'Query');

  for (const document of [introspection, '{ __type(name: "Product") { name } }']) {
    const { status, body } = await production.query(document);
    assert.equal(status, 400);
    assert.match(body.errors[0].message, /introspection has been disabled/);
  }
  const { body } = await production.query('{ __typename product(sku: "p1") { __typename } }');
  assert.deepEqual(body.data, { __typename: 'Query', product: { __typename: 'Product' } });
});

test('fields that were meant are suggested in the demo and nowhere else', async () => {
  const misspelt = [
    '{ prodcts { edges { cursor } } }',
    '{ product(skuu: "p1") { sku } }',
    '{ products(sort: PRICE_ASK) { edges { cursor } } }',
    '{ node(id: "x") { ... on Prodct { sku } } }',
    '{ node(id: "x") { sku } }',
  ];
  for (const document of misspelt) {
    assert.match(JSON.stringify((await demo.query(document)).body.errors), /Did you mean/, document);
    assert.doesNotMatch(
      JSON.stringify((await production.query(document)).body.errors),
      /Did you mean/,
      document,
    );
  }
  const document = 'query ($sort: ProductSort) { products(sort: $sort) { edges { cursor } } }';
  const { body } = await production.query(document, { sort: 'PRICE_ASK' });
  assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT');
  assert.doesNotMatch(body.errors[0].message, /Did you mean/);
});

test('a browser is shown GraphiQL in the demo, with a policy that allows its script and no other', async () => {
  const { status, headers, text } = await request(demo.app).get('/graphql').set('Accept', asBrowser);
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  const script = text.slice(text.indexOf('<script>') + 8, text.lastIndexOf('</script>'));
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = String(headers['content-security-policy']);
  assert.ok(policy.includes(`script-src 'sha256-${hash}';`));
  assert.doesNotMatch(policy, /unsafe-eval|https?:|\*/);
  assert.doesNotMatch(text, /<(script|link|img)[^>]+(src|href)="(https?:)?\/\//);
});

test('elsewhere a browser gets what everybody gets', async () => {
  const { status, headers } = await request(production.app).get('/graphql').set('Accept', asBrowser);
  assert.equal(status, 400);
  assert.match(String(headers['content-type']), /^application\/problem\+json/);
});

test('programs get JSON in the demo too', async () => {
  for (const accept of ['*/*', 'application/json', 'application/graphql-response+json']) {
    const { body } = await request(demo.app)
      .get('/graphql')
      .query({ query: '{ __typename }' })
      .set('Accept', accept);
    assert.deepEqual(body, { data: { __typename: 'Query' } }, accept);
  }
});

for (const query of sampleQueries) {
  test(`the sample query "${/query (\w+)/.exec(query)?.[1]}" is answered without errors`, async () => {
    const { status, body } = await demo.query(query);
    assert.equal(status, 200);
    assert.equal(body.errors, undefined);
    assert.doesNotMatch(JSON.stringify(Object.values(body.data)), /^\[null/);
  });
}
