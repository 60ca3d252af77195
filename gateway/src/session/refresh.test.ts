import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { createMemorySessionStore } from './memory-session-store.ts';
import { createRedisSessionStore } from './redis-session-store.ts';
import { type SessionStore, SessionStoreUnavailable } from './session-store.ts';
import { startTestProvider } from './test-provider.fixture.ts';
import { ownScript, type SignInGatewayOptions, startSignInGateway } from './test-sign-in.fixture.ts';

const lifeMs = 900_000;

interface TwoOptions extends SignInGatewayOptions {
  /** The store as the second gateway reaches it; as the first does when left out. */
  readonly otherStore?: SessionStore;
}

/** Two gateways with one store and one clock, and a browser that is signed in at both. */
async function startTwo(t: TestContext, { otherStore, ...options }: TwoOptions = {}) {
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const provider = options.provider ?? (await startTestProvider());
  t.after(() => provider.close());
  const store = options.store ?? createMemorySessionStore({ now });
  const shared = { ...options, provider, store, now };
  const one = await startSignInGateway(t, shared);
  const two = await startSignInGateway(t, { ...shared, store: otherStore ?? store });
  const ada = one.browser();
  await ada.signIn();
  const there = two.browser();
  there.jar.set('portico', ada.jar.get('portico') ?? '');
  return { clock, provider, store, one, two, ada, there };
}

const refreshesOf = async ({ metrics }: { metrics: { registry: { metrics(): Promise<string> } } }) =>
  Object.fromEntries(
    [
      ...(await metrics.registry.metrics()).matchAll(
        /portico_session_refreshes_total\{.*?outcome="(\w+)".*?\} (\d+)/g,
      ),
    ].map(([, outcome, count]) => [outcome, Number(count)]),
  );

test('fifty requests over two gateways refresh once when the access token ends, a hundred times of a hundred', async (t) => {
  await refreshOncePerRound(t, 100);
});

test('the same in Redis', { skip: findRedis() ? false : 'no Redis installed' }, async (t) => {
  const redis = await startRedis();
  const open = () => createRedisSessionStore({ url: redis.url, log: silentLogger, timeoutMs: 10_000 });
  const [store, otherStore] = [open(), open()];
  t.after(async () => {
    for (const each of [store, otherStore]) each.close();
    await redis.stop();
  });
  // They connect in the background.
  for (const each of [store, otherStore]) {
    while ((await each.read('x').catch(() => 'away')) === 'away') await new Promise(setImmediate);
  }
  await refreshOncePerRound(t, 100, { store, otherStore });
});

async function refreshOncePerRound(t: TestContext, rounds: number, stores: TwoOptions = {}) {
  const { clock, provider, one, two, ada, there } = await startTwo(t, {
    oidc: { absoluteSeconds: 1_000_000 },
    ...stores,
  });
  const tokens = new Set<string | undefined>();
  for (let round = 1; round <= rounds; round += 1) {
    clock.now += lifeMs;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? ada : there).get('/required')),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200], `round ${round}`);
    assert.equal(provider.refreshes(), round);
    for (const { upstream } of [one, two]) {
      tokens.add(new Map(upstream.requests.at(-1)?.fields).get('authorization'));
    }
    assert.equal(tokens.size, round);
    assert.equal(provider.liveRefreshTokens().length, 1);
  }
}

test('an access token is refreshed a little before its end, and not before', async (t) => {
  const { clock, provider, ada } = await startTwo(t);
  clock.now += lifeMs - 11_000;
  await ada.get('/required');
  assert.equal(provider.refreshes(), 0);
  clock.now += 1_000;
  await ada.get('/required');
  assert.equal(provider.refreshes(), 1);
});

test('a refresh whose answer is lost is asked for again at once; where the provider forgives that, nobody notices', async (t) => {
  const { clock, provider, ada, there } = await startTwo(t);
  provider.forgiveReuse();
  let lost = 0;
  provider.behave(() => (lost++ === 0 ? 'lose' : undefined));
  clock.now += lifeMs;
  assert.equal((await ada.get('/required')).status, 200);
  assert.equal((await there.get('/required')).status, 200);
  assert.equal(provider.refreshes(), 2);
});

test('where it does not, the session ends with a 401, and the next sign-in works', async (t) => {
  const { clock, provider, one, ada } = await startTwo(t);
  let lost = 0;
  provider.behave(() => (lost++ === 0 ? 'lose' : undefined));
  clock.now += lifeMs;
  const over = await ada.get('/optional');
  assert.equal(over.status, 401);
  assert.equal(ada.jar.size, 0);
  assert.equal((await ada.get('/optional')).status, 200);
  assert.equal((await ada.signIn()).status, 303);
  assert.equal((await ada.get('/required')).status, 200);
  assert.deepEqual(await refreshesOf(one), { refused: 1 });
});

test('a refresh token that is dead ends the session for all who waited', async (t) => {
  const { clock, provider, ada, there } = await startTwo(t);
  provider.behave(() => ({ error: 'invalid_grant' }));
  clock.now += lifeMs;
  const cookie = ada.cookies();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? ada : there).get('/required', { ...ownScript, cookie }),
    ),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [401]);
  assert.equal(provider.refreshes(), 1);
  assert.match(String(answers[0]?.headers['set-cookie']), /^portico=; Max-Age=0;/);
});

test('a provider that fails costs nobody their session', async (t) => {
  const { clock, provider, one, ada } = await startTwo(t);
  for (const error of ['server_error', 'temporarily_unavailable', 'invalid_client']) {
    provider.behave(() => ({ error }));
    clock.now += lifeMs;
    const answer = await ada.get('/optional');
    assert.equal(answer.status, 503, error);
    assert.equal(answer.body.type, 'urn:portico:problem:unavailable');
    assert.equal(answer.headers['retry-after'], '1');
  }
  assert.equal(one.upstream.requests.length, 0);
  provider.behave(() => undefined);
  assert.equal((await ada.get('/optional')).status, 200);
  assert.deepEqual(await refreshesOf(one), { failed: 3, refreshed: 1 });
});

test('while the old access token is good for a moment, a provider that fails is not noticed', async (t) => {
  const { clock, provider, ada } = await startTwo(t);
  provider.behave(() => ({ error: 'server_error' }));
  clock.now += lifeMs - 5_000;
  assert.equal((await ada.get('/required')).status, 200);
  clock.now += 5_000;
  assert.equal((await ada.get('/required')).status, 503);
});

test('a provider that hangs is a 503 after a few seconds, and the session stays', async (t) => {
  const { clock, provider, ada, there } = await startTwo(t);
  provider.behave(() => 'hang');
  clock.now += lifeMs;
  const answers = await Promise.all([ada.get('/required'), ada.get('/optional'), there.get('/required')]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [503, 503, 503],
  );
  provider.behave(() => undefined);
  assert.equal((await ada.get('/required')).status, 200);
});

test('who signs out while the session is refreshed is signed out', async (t) => {
  const { clock, provider, store, ada, there } = await startTwo(t);
  const { replace } = store;
  const cookie = ada.cookies();
  let out: Promise<unknown> | undefined;
  Object.assign(store, {
    replace: async (...given: Parameters<typeof replace>) => {
      out ??= there.post('/auth/logout');
      await out;
      return replace(...given);
    },
  });
  clock.now += lifeMs;
  assert.equal((await ada.get('/required')).status, 401);
  assert.equal((await ada.get('/required', { ...ownScript, cookie })).status, 401);
  while (provider.liveRefreshTokens().length > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('an instance that was held up does not put an old token in the place of a new one', async (t) => {
  const { clock, provider, store, one, two, ada, there } = await startTwo(t);
  const { replace } = store;
  let held = false;
  Object.assign(store, {
    replace: async (...given: Parameters<typeof replace>) => {
      if (!held) {
        held = true;
        // Its lease is over meanwhile, and another one refreshes.
        clock.now += 10_000;
        provider.forgiveReuse();
        assert.equal((await there.get('/required')).status, 200);
      }
      return replace(...given);
    },
  });
  clock.now += lifeMs;
  assert.equal((await ada.get('/required')).status, 200);
  const fields = [one, two].map(({ upstream }) => new Map(upstream.requests.at(-1)?.fields));
  assert.equal(fields[0]?.get('authorization'), fields[1]?.get('authorization'));
  assert.equal(provider.refreshes(), 2);
  // None is given back: a provider may forget all that belongs to it, the new one as well.
  assert.equal(provider.liveRefreshTokens().length, 2);
});

test('a store that is away while new tokens are put there does not lose them', async (t) => {
  const { clock, provider, store, ada, there } = await startTwo(t);
  const { replace } = store;
  let tries = 0;
  Object.assign(store, {
    replace: async (...given: Parameters<typeof replace>) => {
      tries += 1;
      // The first does not arrive, the answer to the second doesn't.
      if (tries === 1) throw new SessionStoreUnavailable('away');
      const replaced = await replace(...given);
      if (tries === 2) throw new SessionStoreUnavailable('away');
      return replaced;
    },
  });
  clock.now += lifeMs;
  assert.equal((await ada.get('/required')).status, 200);
  assert.equal((await there.get('/required')).status, 200);
  assert.equal(provider.refreshes(), 1);
  assert.equal(provider.liveRefreshTokens().length, 1);
});

test('without a refresh token the session ends with its access token', async (t) => {
  const provider = await startTestProvider();
  provider.giveNoRefreshTokens();
  const { clock, ada } = await startTwo(t, { provider });
  clock.now += lifeMs - 1;
  assert.equal((await ada.get('/required')).status, 200);
  clock.now += 1;
  assert.equal((await ada.get('/required')).status, 401);
  assert.equal(ada.jar.size, 0);
});

test('a refresh that is answered with somebody else ends the session', async (t) => {
  const { clock, provider, one, ada } = await startTwo(t);
  provider.becomes('c2');
  clock.now += lifeMs;
  assert.equal((await ada.get('/required')).status, 401);
  assert.equal(one.upstream.requests.length, 0);
});
