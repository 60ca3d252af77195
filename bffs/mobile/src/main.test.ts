import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const nowhere = 'http://127.0.0.1:1';
const services = {
  CATALOG_URL: nowhere,
  INVENTORY_URL: nowhere,
  REVIEWS_URL: nowhere,
  CUSTOMERS_URL: nowhere,
};

function start(env: Record<string, string>) {
  const child = fork(program, [], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  return { child, ended: once(child, 'exit') };
}

describe('The process of the mobile BFF', () => {
  it('serves without any service, and stops when its parent leaves', async () => {
    const { child, ended } = start({ ...services, LOG_LEVEL: 'silent', MIN_APP_VERSION: '2.0.0' });
    const [{ ready }] = await once(child, 'message');
    assert.equal((await fetch(`${ready.admin}/readyz`)).status, 200);
    assert.equal((await fetch(`${ready.url}/api/v1/home`)).status, 503);
    assert.equal((await fetch(`${ready.url}/api/docs`)).status, 200);
    const old = await fetch(`${ready.url}/api/v1/home`, { headers: { 'X-App-Version': '1.9.0' } });
    assert.equal(old.status, 426);
    const large = await fetch(`${ready.url}/api/v1/home`, { headers: { 'X-Large': 'x'.repeat(64_000) } });
    assert.equal(large.status, 431);
    const metrics = await (await fetch(`${ready.admin}/metrics`)).text();
    assert.match(
      metrics,
      /portico_http_request_duration_seconds_count\{.*route="\/api\/v1\/home",status="503"/,
    );
    assert.match(
      metrics,
      /portico_service_call_duration_seconds_count\{.*service="catalog",outcome="unreachable"/,
    );

    child.disconnect();
    assert.deepEqual(await ended, [0, null]);
  });

  it('does not start with wrong settings, and says which in one line', async () => {
    const wrong = { ...services, CATALOG_URL: 'catalog', CACHE_TTL_MS: '-1', MIN_APP_VERSION: '2' };
    const { child, ended } = start(wrong);
    const said = child.stderr === null ? '' : await text(child.stderr);
    assert.equal(
      said,
      'wrong configuration: ' +
        'CATALOG_URL must be an http:// or https:// URL without a path, got something else (not shown); ' +
        'CACHE_TTL_MS must be an integer from 0 to 60000, got "-1"; ' +
        'MIN_APP_VERSION must be three numbers such as 1.4.0, got "2"\n',
    );
    assert.deepEqual(await ended, [1, null]);
  });
});
