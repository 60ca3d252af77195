import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createLogger } from '@portico/runtime/log.ts';
import { cli, createBrowser, startIdentity } from '../identity.fixture.ts';
import { createAttemptLimit } from './attempt-limit.ts';

const manyAddresses = { skip: process.platform === 'linux' ? false : 'this machine has one address' };

async function start(t: TestContext) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  let now = Date.now();
  const log = createLogger({ name: 'identity', level: 'info', destination });
  const identity = await startIdentity({ now: () => now, log });
  t.after(() => identity.close());
  /** @param address the last number of the address that the browser is at */
  const open = (address = 1) => {
    const browser = createBrowser(identity.issuer, `127.0.0.${address}`);
    const attempt = async (login: string, password: string, fields: Record<string, string> = {}) =>
      browser.post(`${await browser.begin(cli)}/login`, { login, password }, fields);
    return { browser, attempt };
  };
  return {
    open,
    refusals: () => lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'not signed in'),
    said: () => lines.join(''),
    minuteLater: () => {
      now += 60_000;
    },
  };
}

test('thirty wrong passwords for one user from thirty addresses are five', manyAddresses, async (t) => {
  const { open, refusals, said, minuteLater } = await start(t);
  const statuses: (number | undefined)[] = [];
  for (let n = 0; n < 30; n += 1) {
    const answer = await open(n + 2).attempt('ada', `guess-${n}`, { 'X-Forwarded-For': `198.51.100.${n}` });
    statuses.push(answer.status);
    assert.equal(answer.headers.get('retry-after'), n < 5 ? null : '60');
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
    if (n >= 5) assert.match(answer.text, /Too many wrong passwords for this user: try again in 60 seconds/);
  }
  assert.deepEqual(statuses, [...Array(5).fill(401), ...Array(25).fill(429)]);

  const logged = refusals();
  assert.equal(logged.length, 30);
  assert.deepEqual(
    logged.slice(4, 6).map(({ reason, subject, peer }) => [reason, subject, peer]),
    [
      ['wrong password', 'c1', '127.0.0.6'],
      ['too many by user', 'c1', '127.0.0.7'],
    ],
  );
  assert.ok(!said().includes('guess-'));
  assert.equal((await open(2).attempt('grace', 'demo')).status, 303);
  minuteLater();
  assert.equal((await open(2).attempt('ada', 'demo')).status, 303);
});

test('one password for thirty users is twenty tries, from one address, whatever it says that it is', async (t) => {
  const { open, refusals, said, minuteLater } = await start(t);
  const spray = (n: number) =>
    open().attempt(`c${n + 100}`, 'spring', { 'X-Forwarded-For': `198.51.100.${n}` });
  const statuses: (number | undefined)[] = [];
  for (let n = 0; n < 30; n += 1) statuses.push((await spray(n)).status);
  assert.deepEqual(statuses, [...Array(20).fill(401), ...Array(10).fill(429)]);
  const refused = await spray(30);
  assert.equal(refused.headers.get('retry-after'), '60');
  assert.match(refused.text, /Too many wrong passwords from where you are/);
  assert.equal(refusals().at(-1)?.reason, 'too many by peer');
  assert.ok(!said().includes('spring'));
  minuteLater();
  assert.equal((await open().attempt('c150', 'demo')).status, 303);
});

test(
  'from many addresses at once each has three tries; who types the right password is let in',
  manyAddresses,
  async (t) => {
    const { open } = await start(t);
    let user = 3;
    const statuses = async (address: number, tries: number) => {
      const all: (number | undefined)[] = [];
      for (let n = 0; n < tries; n += 1)
        all.push((await open(address).attempt(`c${user++}`, 'spring')).status);
      return all;
    };
    for (let address = 2; address < 12; address += 1)
      assert.deepEqual(await statuses(address, 10), Array(10).fill(401));
    assert.deepEqual(await statuses(12, 5), [401, 401, 401, 429, 429]);
    assert.deepEqual(await statuses(13, 5), [401, 401, 401, 429, 429]);
    // Somebody else, at an address of her own, who mistypes it once.
    assert.equal((await open(30).attempt('grace', 'demp')).status, 401);
    assert.equal((await open(30).attempt('grace', 'demo')).status, 303);
  },
);

test('nobody is kept out of a browser that she has signed in with by the failures of others', async (t) => {
  const { open } = await start(t);
  const [ada, stranger] = [open(), open()];
  assert.equal((await ada.attempt('ada', 'demo')).status, 303);
  for (let n = 0; n < 5; n += 1) assert.equal((await stranger.attempt('ada', 'wrong')).status, 401);
  for (let n = 0; n < 20; n += 1) await stranger.attempt(`c${n + 50}`, 'wrong');
  assert.equal((await stranger.attempt('ada', 'demo')).status, 429);
  assert.equal((await ada.attempt('ada', 'demo')).status, 303);
  // It is hers: for others that browser is one of a stranger, and she has five tries a minute with it herself.
  assert.equal((await ada.attempt('grace', 'demo')).status, 429);
  for (let n = 0; n < 5; n += 1) assert.equal((await ada.attempt('ada', 'wrong')).status, 401);
  assert.equal((await ada.attempt('ada', 'demo')).status, 429);
});

test('a browser that says so itself is none that a user has signed in with', async (t) => {
  const { open } = await start(t);
  const forged = `known-browser=00000000-0000-4000-8000-000000000000.${'A'.repeat(43)}`;
  const attempt = async (cookie: string) => {
    const { browser } = open();
    const path = await browser.begin(cli);
    const own = browser.cookiesFor(path);
    return browser.post(
      `${path}/login`,
      { login: 'ada', password: 'wrong' },
      { cookie: `${own}; ${cookie}` },
    );
  };
  const statuses: (number | undefined)[] = [];
  for (let n = 0; n < 6; n += 1) statuses.push((await attempt(n < 3 ? forged : '')).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
});

test('failures of any number of names, addresses and browsers are kept for a few', () => {
  const limit = createAttemptLimit({ now: () => 0, maxKept: 100 });
  const attempt = (n: number) => ({ login: `name ${n}`, peer: `peer ${n}`, browser: undefined });
  for (let n = 0; n < 1_000; n += 1) for (let of = 0; of < 5; of += 1) limit.countFailure(attempt(n));
  const kept = Array.from({ length: 1_000 }, (_, n) => limit.refusal(attempt(n))).filter(Boolean);
  assert.equal(kept.length, 100);
});
