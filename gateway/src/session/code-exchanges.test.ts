import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@portico/runtime/log.ts';
import type { TestProvider } from './test-provider.fixture.ts';
import { startSignInGateway, type TestBrowser } from './test-sign-in.fixture.ts';

const manyAddresses = { skip: process.platform === 'linux' ? false : 'this machine has one address' };

/** Comes back from a sign-in of its own with a code that it has invented. */
async function invent(stranger: TestBrowser, code = 'invented') {
  const state = new URL(await stranger.begin()).searchParams.get('state') ?? '';
  return (provider: TestProvider) =>
    stranger.get(`/auth/callback?${new URLSearchParams({ state, code, iss: provider.issuer })}`, {});
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

test(
  'codes that strangers invent leave nothing behind, and are logged without them',
  manyAddresses,
  async (t) => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLogger({ name: 'gateway', level: 'info', destination });
    const { browser, provider, store, metrics } = await startSignInGateway(t, { log });
    const kept = new Set<string>();
    const { create, lease, release } = store;
    store.create = (session) => {
      kept.add(session.id);
      return create(session);
    };
    store.lease = (name, ...others) => {
      kept.add(name);
      return lease(name, ...others);
    };
    store.release = (name, holder) => {
      kept.delete(name);
      return release(name, holder);
    };
    for (let n = 2; n < 32; n += 1) {
      const back = await (await invent(browser(`127.0.0.${n}`), `invented-${n}`))(provider);
      assert.equal(back.status, 401);
      assert.equal(back.headers['content-type'], 'application/problem+json');
    }
    assert.deepEqual([...kept], []);
    const told = lines
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg.startsWith('a sign-in came back'));
    assert.equal(told.length, 30);
    assert.deepEqual([told[0].reason, told[0].code, told[0].peer], ['refused', 'invalid_grant', '127.0.0.2']);
    assert.ok(!/invented|state=/.test(lines.join('')));
    assert.match(
      await metrics.registry.metrics(),
      /portico_sign_ins_failed_total\{reason="refused".*\} 30\n/,
    );
    assert.equal((await browser().signIn()).status, 303);
  },
);

test(
  'who has failed lately has four places at the provider, and keeps nobody else out',
  manyAddresses,
  async (t) => {
    const { browser, provider } = await startSignInGateway(t);
    const stranger = browser('127.0.0.2');
    assert.equal((await (await invent(stranger))(provider)).status, 401);
    const before = provider.requests.length;
    const neighbour = browser('127.0.0.2');
    const path = provider.authorize(await neighbour.begin());
    const backs = await Promise.all(Array.from({ length: 40 }, () => invent(browser('127.0.0.2'))));
    provider.behave((form) => (form.get('code') === 'invented' ? 'hang' : undefined));
    const answers = Promise.all(backs.map((comeBack) => comeBack(provider)));
    await until(() => provider.requests.length === before + 4);
    const [told, other] = await Promise.all([neighbour.get(path, {}), browser('127.0.0.3').signIn()]);
    assert.deepEqual([told.status, told.headers['retry-after'], other.status], [503, '2', 303]);
    const statuses = (await answers).map(({ status }) => status);
    assert.deepEqual(new Set(statuses), new Set([503]));
    // The four whose places were free after the first, at the most.
    assert.ok(provider.requests.length <= before + 8 + 1);
    provider.behave(() => undefined);
    assert.equal((await neighbour.get(path, {})).status, 303);
  },
);

test(
  'a provider that hangs is asked thirty-two times at once, and the others can come back',
  manyAddresses,
  async (t) => {
    const { browser, provider } = await startSignInGateway(t);
    const ada = browser('127.0.0.2');
    const path = provider.authorize(await ada.begin());
    const backs = await Promise.all(
      Array.from({ length: 32 }, (_, n) => invent(browser(`127.0.0.${n + 3}`))),
    );
    provider.behave(() => 'hang');
    const answers = Promise.all(backs.map((comeBack) => comeBack(provider)));
    await until(() => provider.requests.length === 32);
    const told = await ada.get(path, {});
    assert.deepEqual([told.status, told.headers['retry-after']], [503, '2']);
    assert.equal(provider.requests.length, 32);
    await answers;
    provider.behave(() => undefined);
    assert.equal((await ada.get(path, {})).status, 303);
  },
);
