import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

function start(env: Record<string, string>) {
  return fork(fileURLToPath(new URL('main.ts', import.meta.url)), [], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

const nobody = 'http://127.0.0.1:1';
const settings = { CATALOG_URL: nobody, INVENTORY_URL: nobody, REVIEWS_URL: nobody, CUSTOMERS_URL: nobody };

test('the process says where it serves, is ready whatever its services do, and ends with its parent', async (t) => {
  const child = start(settings);
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');

  const [{ ready }] = await once(child, 'message');
  const readiness = await fetch(`${ready.admin}/readyz`);
  assert.deepEqual(await readiness.json(), { ready: true, notReady: [] });
  const answer = await fetch(`${ready.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ me { id } product(sku: "p1") { name } }' }),
  });
  const { data, errors } = (await answer.json()) as { data: unknown; errors: unknown[] };
  assert.deepEqual(data, { me: null, product: null });
  assert.equal(errors.length, 1);
  const metrics = await (await fetch(`${ready.admin}/metrics`)).text();
  assert.match(metrics, /portico_http_request_duration_seconds_count\{[^}]*route="\/graphql"/);

  child.disconnect();
  assert.deepEqual(await exited, [0, null]);
});

test('a hub that is away keeps the process neither from starting and answering, nor from stopping', async (t) => {
  const child = start({ ...settings, HUB_URL: 'postgres://hub:secret@127.0.0.1:1/hub' });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const [{ ready }] = await once(child, 'message');
  const query = encodeURIComponent('{ product(sku: "p1") { name } }');
  const { errors } = await (await fetch(`${ready.url}/graphql?query=${query}`)).json();
  assert.equal(errors[0].extensions.code, 'SERVICE_UNAVAILABLE');
  child.disconnect();
  assert.deepEqual(await exited, [0, null]);
});

test('a wrong setting ends the start with one line that names it', async (t) => {
  const { CUSTOMERS_URL: _, ...incomplete } = settings;
  const cases: [Record<string, string>, RegExp][] = [
    [incomplete, /^wrong configuration: CUSTOMERS_URL is not set: expected an http/],
    [{ ...settings, CUSTOMERS_URL: 'ftp://x' }, /^wrong configuration: CUSTOMERS_URL must be an http/],
    [
      { ...settings, CACHE_TTL_MS: 'soon' },
      /^wrong configuration: CACHE_TTL_MS must be an integer from 0 to 60000, got "soon"/,
    ],
    [{ ...settings, HUB_URL: 'http://user:secret@x' }, /^wrong configuration: HUB_URL must be a postgres/],
    [{ ...settings, REDIS_URL: 'http://user:secret@x' }, /^wrong configuration: REDIS_URL must be a redis/],
    [{ ...settings, REDIS_URL: 'redis://user:secret@x/nope' }, /^could not start: a Redis URL looks like/],
  ];
  await Promise.all(
    cases.map(async ([env, expected]) => {
      const child = start(env);
      t.after(() => child.kill('SIGKILL'));
      const exited = once(child, 'exit');
      const said = child.stderr === null ? '' : await text(child.stderr);
      assert.match(said, expected);
      assert.equal(said.trimEnd().split('\n').length, 1);
      assert.doesNotMatch(said, /secret/);
      assert.equal((await exited)[0], 1);
    }),
  );
});
