/** What becomes of a customer's own words and name: in hub, lake, keys, Redis and answers, before and after they are forgotten. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import {
  findRedis,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@portico/testing/engines.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type Program, startProgram } from './programs.fixture.ts';

const services = ['catalog', 'inventory', 'reviews', 'customers', 'orders', 'payments', 'shipping'] as const;
const masterKey = 'the master key of this test, and of no other';
/** What a customer has said of themselves; nothing else in the shop has it in it. */
const marks = ['Marklow', 'Marksen', 'Marked-words'];
const [firstName, name, words] = ['Zora Marklow', 'Zora Marksen', 'Marked-words, and a good kettle.'];
const dir = mkdtempSync(join(tmpdir(), 'portico-personal-'));

const marksIn = (text: string) => marks.filter((mark) => text.includes(mark));

describe('What is personal', { timeout: 90_000 }, () => {
  let issuer: TokenIssuer;
  let postgres: TestPostgres;
  let redis: TestRedis | undefined;
  let capture: Program;
  let captureEnv: Record<string, string | undefined>;
  let lakeEnv: Record<string, string | undefined>;
  const urls: Record<string, string> = {};
  const running = new Set<Program>();

  const start = async (path: string, env: Readonly<Record<string, string | undefined>>) => {
    const program = await startProgram(path, { OIDC_ISSUER: issuer.issuer, ...env });
    running.add(program);
    return program;
  };
  const kill = async (program: Program) => {
    running.delete(program);
    const ended = once(program.child, 'exit');
    program.child.kill('SIGKILL');
    await ended;
  };
  const startCapture = async (env = {}) => {
    capture = await start('packages/change-stream/src/capture/main.ts', { ...captureEnv, ...env });
  };
  const startServices = async () => {
    const beside: Record<string, string | undefined> = {
      HUB_URL: postgres.databases.hub,
      ORDERS_CLIENT_SECRET: 'the issuer asks for none',
    };
    // Those first whom others ask.
    for (const service of [
      'customers',
      'catalog',
      'inventory',
      'payments',
      'shipping',
      'reviews',
      'orders',
    ]) {
      const env = { DATABASE_URL: postgres.databases[service], PORTICO_DEMO_PRODUCTS: '20' };
      const own = service === 'reviews' || service === 'orders' ? { ...beside, ...urls } : {};
      const { url } = await start(`mock-services/${service}/src/main.ts`, { ...env, ...own });
      urls[`${service.toUpperCase()}_URL`] = url;
    }
  };

  before(async () => {
    issuer = await startTokenIssuer();
    postgres = await startPostgres({ databases: [...services, 'hub', 'keys'], captured: services });
    redis = findRedis() === undefined ? undefined : await startRedis();
    const { hub: HUB_URL, keys: PERSONAL_KEYS_URL } = postgres.databases;
    captureEnv = {
      HUB_URL,
      PERSONAL_KEYS_URL,
      PERSONAL_MASTER_KEY: masterKey,
      ...Object.fromEntries(
        services.map((one) => [`CAPTURE_${one.toUpperCase()}_URL`, postgres.captures[one]]),
      ),
    };
    await startServices();
    await startCapture();
    lakeEnv = { HUB_URL, LAKE_URL: pathToFileURL(dir).href, LAKE_SEGMENT_SECONDS: '1' };
    await start('packages/event-lake/src/main.ts', lakeEnv);
    const bff = {
      HUB_URL,
      ...urls,
      REDIS_URL: redis?.url,
      PORTICO_TOKEN_KEY: 'a key of this test alone'.repeat(2),
    };
    for (const one of ['web', 'mobile']) urls[one] = (await start(`bffs/${one}/src/main.ts`, bff)).url;
  });
  after(async () => {
    await Promise.all([...running].map(kill));
    await Promise.all([postgres?.stop(), redis?.stop(), issuer?.close()]);
    rmSync(dir, { recursive: true, force: true });
  });

  const send = async (url: string, method = 'GET', body?: object, as = issuer.ada) => {
    const headers = { ...as, 'Content-Type': 'application/json', 'Idempotency-Key': `${method}:${url}` };
    const signal = AbortSignal.timeout(10_000);
    const answer = await fetch(url, { method, headers, signal, ...(body && { body: JSON.stringify(body) }) });
    return { status: answer.status, text: await answer.text() };
  };
  const done = async (...given: Parameters<typeof send>) => {
    const { status, text } = await send(...given);
    assert.ok(status < 300, text);
    return JSON.parse(text);
  };
  /** Asks again until it is so; the time of the test ends it. */
  const until = async (look: () => Promise<boolean>) => {
    while (!(await look())) await delay(50);
  };

  /** Everything that a database has in its tables, as text. */
  const dump = async (database: string) => {
    const client = new pg.Client({ connectionString: postgres.databases[database] });
    await client.connect();
    try {
      const { rows } = await client.query("select tablename from pg_tables where schemaname = 'public'");
      const texts: string[] = [];
      for (const { tablename } of rows) {
        const { rows: all } = await client.query(`select to_json(t)::text as t from ${tablename} t`);
        texts.push(...all.map(({ t }) => String(t)));
      }
      return texts.join('\n');
    } finally {
      await client.end();
    }
  };
  /** All segments, as they were before they were compressed, also one that no manifest names. */
  const lake = () =>
    readdirSync(join(dir, 'segments'))
      .filter((file) => file.endsWith('.zst'))
      .map((file) => zstdDecompressSync(readFileSync(join(dir, 'segments', file))).toString('utf8'))
      .join('\n');
  const replay = async (...args: readonly string[]) => {
    const child = spawn(process.execPath, ['cli/src/main.ts', 'lake', 'replay', ...args], {
      cwd: join(import.meta.dirname, '..'),
      env: { PATH: process.env.PATH, ...lakeEnv, ...captureEnv },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    return text;
  };
  /** What Redis holds, by key. */
  const inRedis = async () => {
    const client = new Redis(String(redis?.url));
    const found = new Map<string, { readonly text: string; readonly ttlMs: number }>();
    try {
      for (const key of await client.keys('*')) {
        const ttlMs = await client.pttl(key);
        const isHash = (await client.type(key)) === 'hash';
        const text = isHash ? JSON.stringify(await client.hgetall(key)) : String(await client.get(key));
        found.set(key, { text, ttlMs });
      }
      return found;
    } finally {
      client.disconnect();
    }
  };

  const query = `{ me { displayName orders { edges { node { number } } } }
    product(sku: "p1") { reviews(first: 3) { edges { node { body author { displayName } } } } } }`;
  /** What a browser and a phone are shown, to the customer and to strangers. */
  const answers = async () => {
    const asked = [issuer.ada, issuer.grace].flatMap((as) => [
      send(`${urls.web}/graphql`, 'POST', { query }, as),
      ...['products/p1', 'me', 'me/orders', 'home', 'sync'].map((path) =>
        send(`${urls.mobile}/api/v1/${path}`, 'GET', undefined, as),
      ),
    ]);
    return Promise.all(asked);
  };
  /** The first that a phone hears that follows an order. */
  const followed = async () => {
    const leaving = new AbortController();
    const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(10_000)]);
    const url = `${urls.mobile}/api/v1/orders/${number}/events`;
    const { body } = await fetch(url, { headers: issuer.ada, signal });
    let text = '';
    for await (const chunk of body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('data:')) break;
    }
    leaving.abort();
    return text;
  };
  const shown = async () => (await answers()).map(({ text }) => text).join('\n');
  /** The names of customers in the lake, for whoever has the keys. */
  const namesIn = (replayed: string) =>
    replayed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type, key }) => type === 'customer-changed' && key === 'c1')
      .map(({ data }) => data.after?.displayName);

  const forget = (id: string) =>
    done(`${urls.CUSTOMERS_URL}/customers/${id}`, 'DELETE', undefined, issuer.root);
  const recordsOf = async (id: string) =>
    (await dump('hub'))
      .split('\n')
      .filter((row) => row.includes(`"key":"${id}"`) && row.includes('forgottenAt'));
  const keyOf = async (id: string) => {
    const client = new pg.Client({ connectionString: postgres.databases.keys });
    await client.connect();
    const { rows } = await client.query('select * from personal_keys where customer_id = $1', [id]);
    await client.end();
    return rows[0];
  };

  let number: string;
  let wrapped: string;
  let keyId: string;

  test('is where users should see it, and neither in the hub nor in the lake', async () => {
    await done(`${urls.CUSTOMERS_URL}/customers/c1`, 'PATCH', { displayName: firstName });
    await done(`${urls.CUSTOMERS_URL}/customers/c1`, 'PATCH', { displayName: name });
    await done(`${urls.mobile}/api/v1/products/p1/reviews`, 'POST', { stars: 5, body: words });
    const order = { lines: [{ productId: 'p1', quantity: 1 }], paymentToken: 'tok_ok' };
    ({ number } = await done(`${urls.mobile}/api/v1/orders`, 'POST', order));
    await until(async () => {
      const text = await shown();
      return (
        marksIn(text).length === 2 && text.includes(name) && text.includes(words) && text.includes(number)
      );
    });

    // The last of them is in the lake.
    await until(async () => [...lake().matchAll(/"key":"c1"/g)].length >= 3 && lake().includes(number));
    await until(async () => {
      const replayed = await replay('--personal');
      return replayed.includes(words) && namesIn(replayed).includes(name);
    });
    assert.deepEqual(namesIn(await replay('--personal')), ['Ada L.', firstName, name]);
    assert.match(String(namesIn(await replay())[2]), /^personal:1:[\w-]{22}:/);
    for (const text of [await dump('hub'), lake(), readFileSync(join(dir, 'manifest.sqlite'), 'latin1')]) {
      assert.ok(text.length > 1_000);
      assert.deepEqual(marksIn(text), []);
    }
    ({ key_id: keyId, wrapped } = await keyOf('c1'));
    assert.ok(lake().includes(keyId));
    if (redis !== undefined) {
      const kept = [...(await inRedis()).values()].map(({ text }) => text).join('\n');
      assert.deepEqual(marksIn(kept), ['Marksen', 'Marked-words'], 'or the search is blind');
    }
  });

  test('is given back by nothing once the customer is forgotten', async (t) => {
    await forget('c1');
    await until(async () => marksIn(await shown()).length === 0);
    await until(async () => lake().includes('forgottenAt') && (await dump('reviews')).includes('c1'));

    const key = await keyOf('c1');
    assert.deepEqual([key.key_id, key.wrapped], [null, null]);
    const keys = await dump('keys');
    for (const gone of [keyId, Buffer.from(wrapped).toString('hex')]) assert.ok(!keys.includes(gone));
    // With the master key and all that is left of the keys.
    const replayed = await replay('--personal');
    assert.deepEqual(marksIn(replayed), []);
    assert.deepEqual(new Set(namesIn(replayed)), new Set([null]));
    assert.match(replayed, /"key":"c2".*"displayName":"Grace H\."/, 'others are still there');

    for (const database of ['hub', 'customers', 'reviews']) {
      assert.deepEqual(marksIn(await dump(database)), [], database);
    }
    assert.deepEqual(marksIn(lake()), []);
    for (const { status, text } of await answers())
      assert.ok(status < 500 && !text.includes('"errors"'), text);
    assert.deepEqual(marksIn(await shown()), []);
    const orders = await send(`${urls.mobile}/api/v1/orders/${number}`);
    assert.equal(orders.status, 200, 'what was bought stays');
    const stream = await followed();
    assert.ok(stream.includes(number), stream);
    assert.deepEqual(marksIn(orders.text + stream), []);
    if (redis === undefined) return t.diagnostic('without Redis');
    const left = [...(await inRedis())].filter(([, { text }]) => marksIn(text).length > 0);
    t.diagnostic(
      `${left.length} entries that nobody is given any more are in Redis until their time is over`,
    );
    for (const [at, { ttlMs }] of left) assert.ok(ttlMs > 0 && ttlMs <= 600_000, `${at} ${ttlMs}`);
  });

  test('is neither taken nor kept of a customer who was forgotten', async () => {
    const body = { stars: 1, body: 'Marked-words once more.' };
    assert.equal((await send(`${urls.mobile}/api/v1/products/p2/reviews`, 'POST', body)).status, 403);
    // Past the service.
    const client = new pg.Client({ connectionString: postgres.databases.reviews });
    await client.connect();
    await client.query(
      "insert into reviews (product_id, customer_id, stars, body) values ('p2', 'c1', 1, 'Marked-words.')",
    );
    await client.end();
    await until(async () => (await dump('hub')).includes('personal:1:withheld'));
    assert.deepEqual(marksIn(await dump('hub')), []);
    assert.equal((await keyOf('c1')).wrapped, null);
  });

  test('is gone after capture was killed while customers were forgotten', async () => {
    const ids = ['c11', 'c12', 'c13', 'c14', 'c15'];
    for (const [index, id] of ids.entries()) {
      await forget(id);
      // So that it is killed before, while and after it destroys a key and tells of it.
      const until = performance.now() + index * 4;
      while (performance.now() < until) await new Promise(setImmediate);
      await kill(capture);
      await startCapture();
    }
    for (const id of ids) {
      await until(async () => (await recordsOf(id)).length === 1);
      assert.equal((await keyOf(id)).wrapped, null);
    }
  });

  test('stays where it is while capture has another master key', async () => {
    await kill(capture);
    const before = (await dump('hub')).length;
    await done(`${urls.CUSTOMERS_URL}/customers/c2`, 'PATCH', { displayName: name }, issuer.grace);
    await forget('c20');
    await startCapture({ PERSONAL_MASTER_KEY: 'another master key than that of the test' });
    let ready: { notReady: string[]; states: Record<string, string> };
    do {
      ready = (await (await fetch(`${capture.admin}/readyz`)).json()) as typeof ready;
    } while (
      ready.states.customers !== 'stopped' ||
      ready.states.reviews !== 'stopped' ||
      Object.values(ready.states).includes('starting')
    );
    const expected = /^(customers|reviews): the keys of the customers are wrapped by another master key/;
    for (const problem of ready.notReady) assert.match(problem, expected);
    await until(async () => (await dump('hub')).length !== before);
    assert.deepEqual([marksIn(await dump('hub')), await recordsOf('c20')], [[], []]);
    assert.notEqual((await keyOf('c20')).wrapped, null);

    await kill(capture);
    await startCapture();
    await until(async () => (await recordsOf('c20')).length === 1);
    assert.equal((await keyOf('c20')).wrapped, null);
    assert.deepEqual(marksIn(await dump('hub')), []);
  });
});
