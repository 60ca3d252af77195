/** `PORTICO_MOCK=all npm start`: the pages of web and phone before any service exists. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ctrlC, type Demo, npmStart, root, untilReady } from './demo.fixture.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'portico-mocked-'));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const page =
  /localhost:8080\/graphql -H 'content-type: application\/json' -d '(\{.+\})'$/m.exec(readme)?.[1] ?? '';

interface Product {
  readonly sku: string;
  readonly availability: object | null;
  readonly rating: object | null;
  readonly reviews: {
    readonly edges: readonly { readonly node: { readonly author: object | null } }[];
  } | null;
}

describe('the demo with every service mocked', { timeout: 120_000 }, () => {
  let demo: Demo;
  let gateway = '';
  let names: string[] = [];

  before(async () => {
    demo = npmStart(dataDir, { PORTICO_MOCK: 'all' });
    await untilReady(demo);
    const file = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8'));
    gateway = file.gateway;
    names = file.processes.map(({ name }: { name: string }) => name);
  });
  after(async () => {
    await ctrlC(demo);
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('runs without PostgreSQL, and says which services are played', () => {
    assert.match(
      demo.output(),
      /played from their OpenAPI documents: catalog, inventory, reviews, customers, orders, payments, shipping/,
    );
    for (const service of ['catalog', 'inventory', 'reviews', 'customers', 'orders', 'payments', 'shipping'])
      assert.ok(names.includes(service));
    assert.ok(!names.includes('postgres'));
    assert.ok(!existsSync(join(dataDir, 'postgres')));
  });

  test('answers the page of 20 whole on the web, in at most 5 service calls', async () => {
    const answer = await fetch(`${gateway}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: page,
    });
    const { data, errors } = (await answer.json()) as {
      data: { products: { edges: { node: Product }[] } };
      errors?: [];
    };
    assert.equal(errors, undefined);
    const products = data.products.edges.map(({ node }) => node);
    assert.equal(new Set(products.map(({ sku }) => sku)).size, 20);
    for (const { availability, rating, reviews } of products) {
      assert.ok(availability && rating);
      assert.equal(reviews?.edges.length, 2);
      assert.ok(reviews.edges.every(({ node }) => node.author !== null));
    }
    assert.match(answer.headers.get('server-timing') ?? '', /calls=[1-5]"/);
  });

  test('answers 20 cards, and one product with its reviews, on the phone', async () => {
    const cards = await (await fetch(`${gateway}/api/v1/products?limit=20`)).json();
    const { items, next, degraded } = cards as { items: object[]; next: string | null; degraded?: string[] };
    assert.equal(items.length, 20);
    assert.ok(next);
    assert.equal(degraded, undefined);
    const product = (await (await fetch(`${gateway}/api/v1/products/p20`)).json()) as Record<string, unknown>;
    assert.equal(product.id, 'p20');
    assert.equal(product.degraded, undefined);
    assert.ok(Array.isArray(product.reviews) && product.reviews.length > 0);
  });
});

test('an unknown name in PORTICO_MOCK ends the start with one line that names those there are', async () => {
  const demo = npmStart(dataDir, { PORTICO_MOCK: 'carts' });
  const [code] = await once(demo.npm, 'close');
  assert.equal(code, 1);
  assert.match(
    demo.output(),
    /^portico: PORTICO_MOCK must be "all" or name services out of catalog, inventory, reviews, customers, orders, payments, shipping, got "carts"$/m,
  );
});
