/** `PORTICO_MOCK=all npm start`: the pages of web and phone before any service exists. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

const root = join(import.meta.dirname, '..');
const dataDir = mkdtempSync(join(tmpdir(), 'portico-mocked-'));

/** Settles with everything said so far once a line begins with `text`. */
async function said(demo: ChildProcess, text: string): Promise<string> {
  const lines: string[] = [];
  if (demo.stdout === null) throw new Error('the demo has no output to read');
  for await (const line of createInterface({ input: demo.stdout })) {
    lines.push(line);
    if (line.startsWith(text)) {
      // What follows is of no interest, but must be read for the demo to go on.
      demo.stdout.resume();
      return lines.join('\n');
    }
  }
  throw new Error(`the demo ended:\n${lines.join('\n')}`);
}

/** `npm start` in a process group of its own, as a shell with job control starts it. */
function npmStart(mocked: string): ChildProcess {
  return spawn('npm', ['start'], {
    cwd: root,
    detached: true,
    env: {
      ...process.env,
      PORTICO_PORT: '0',
      PORTICO_ADMIN_PORT: '0',
      PORTICO_DATA_DIR: dataDir,
      PORTICO_MOCK: mocked,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

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
  let demo: ChildProcess;
  let gateway = '';
  let names: string[] = [];
  let output = '';

  before(async () => {
    demo = npmStart('all');
    demo.stderr?.resume();
    output = await said(demo, 'Portico is ready');
    const file = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8'));
    gateway = file.gateway;
    names = file.processes.map(({ name }: { name: string }) => name);
  });
  after(async () => {
    if (demo.pid !== undefined && demo.exitCode === null) {
      const exited = once(demo, 'exit');
      process.kill(-demo.pid, 'SIGINT');
      await exited;
    }
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('runs without PostgreSQL, and says which services are played', () => {
    assert.match(
      output,
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
  const demo = npmStart('carts');
  let complaint = '';
  demo.stderr?.on('data', (chunk) => (complaint += String(chunk)));
  demo.stdout?.resume();
  const [code] = await once(demo, 'close');
  assert.equal(code, 1);
  assert.match(
    complaint,
    /^portico: PORTICO_MOCK must be "all" or name services out of catalog, inventory, reviews, customers, orders, payments, shipping, got "carts"$/m,
  );
});
