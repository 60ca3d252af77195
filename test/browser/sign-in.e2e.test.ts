/** Somebody who signs in to the demo with a real browser: what they see, and what the browser is never given. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { eventually } from '../demo.fixture.ts';
import { type BrowsedDemo, startBrowsedDemo } from './browsed-demo.fixture.ts';
import { call, findChromium } from './chromium.fixture.ts';
import { findSecrets } from './find-secrets.ts';
import { startHostileSite } from './hostile-site.fixture.ts';
import type { Exchange, NetLog } from './net-log.fixture.ts';

interface Answer {
  readonly body: {
    readonly data: {
      readonly me: object | null;
      readonly placeOrder: { readonly order: { readonly number: string } };
    };
  };
}
interface Followed {
  readonly events: readonly { readonly status: string; readonly timeline: readonly { type: string }[] }[];
  readonly endedAt: number | null;
}

const place = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { number } } }';
const unwanted =
  'mutation { placeOrder(input: { idempotencyKey: "evil", lines: [{ sku: "p1", quantity: 3 }], paymentToken: "tok_ok" }) { order { number } } }';
const whoIsIt = '{ me { displayName orders { edges { node { number lines { quantity } } } } } }';

async function placeOrder(page: Page, quantity: number): Promise<string> {
  const lines = [{ sku: 'p1', quantity }];
  const input = { idempotencyKey: randomUUID(), lines, paymentToken: 'tok_ok' };
  const { body } = await call<Answer>(page, 'shop.ask', place, { input });
  return body.data.placeOrder.order.number;
}

const me = async (page: Page) => (await call<Answer>(page, 'shop.ask', whoIsIt)).body.data.me;

const untilFollowed = (page: Page, what: string, isSeen: (state: Followed) => boolean) =>
  eventually(what, async () => {
    const state = await call<Followed>(page, 'shop.followed');
    return isSeen(state) ? state : undefined;
  });
const isNow = (status: string) => (state: Followed) => state.events.at(-1)?.status === status;

const isSecret = (value: string) => value.length >= 20;

/** The code with which a browser came back from the provider. */
function codeOf({ url }: Exchange): string[] {
  const { pathname, searchParams } = new URL(url);
  return pathname === '/auth/callback' ? [searchParams.get('code') ?? ''].filter(isSecret) : [];
}

const destinationOf = (sent: readonly string[]) =>
  sent.find((line) => line.startsWith('Sec-Fetch-Dest: '))?.replace('Sec-Fetch-Dest: ', '');

/** @param executable the browser's path */
function userOfTheDemo(executable: string): void {
  let demo: BrowsedDemo;
  let hostile: Awaited<ReturnType<typeof startHostileSite>>;
  let gateway = '';
  let ada: BrowserContext;
  let first: Page;
  let second: Page;
  let netLog: NetLog;

  before(async () => {
    demo = await startBrowsedDemo(executable);
    hostile = await startHostileSite();
    gateway = demo.gateway;
    ada = await demo.newContext();
  });
  after(async () => {
    hostile?.close();
    await demo?.stop();
  });

  test('signs in by clicking, and comes back to the start page with a cookie that no script can read', async () => {
    first = await demo.signIn(ada, 'ada');
    assert.equal(first.url(), `${gateway}/`);
    assert.equal(await first.locator('#user').innerText(), 'Ada L.\nSign out');
    const own = (await ada.cookies(gateway)).filter(({ name }) => name === 'portico');
    assert.deepEqual(
      own.map(({ httpOnly, sameSite, path, domain }) => [httpOnly, sameSite, path, domain]),
      [[true, 'Strict', '/', 'localhost']],
    );
    assert.doesNotMatch(await first.evaluate('document.cookie'), /portico=/);
    await demo.look();
  });

  test('sees private data, again after a reload and in a second tab', async () => {
    const number = await placeOrder(first, 2);
    const orders = { edges: [{ node: { number, lines: [{ quantity: 2 }] } }] };
    const expected = { displayName: 'Ada L.', orders };
    assert.deepEqual(await me(first), expected);
    await first.reload();
    await first.getByRole('button', { name: 'Sign out' }).waitFor();
    assert.deepEqual(await me(first), expected);
    second = await ada.newPage();
    await second.goto(gateway);
    await second.getByText('Ada L.').waitFor();
    assert.deepEqual(await me(second), expected);
    await demo.look();
  });

  test('loses nothing to a page of another site, nor to one of another port', async () => {
    const known = await me(first);
    for (const origin of [hostile.elsewhere, hostile.otherPort]) {
      const page = await ada.newPage();
      await page.goto(origin);
      const outcomes = await call<Record<string, string>>(page, 'attack', gateway, unwanted);
      for (const [attempt, outcome] of Object.entries(outcomes)) {
        const expected = /frame|form/.test(attempt) ? 'sent' : 'refused';
        assert.equal(outcome, expected, `${attempt}, from ${origin}`);
      }
      const shown = await eventually('something in each frame', async () => {
        const urls = page.frames().map((frame) => frame.url());
        return urls.includes('about:blank') ? undefined : urls.slice(1);
      });
      // The browser shows a page of its own instead of one that may not be in a frame.
      assert.deepEqual(shown, Array(4).fill('chrome-error://chromewebdata/'));

      // A whole page that is led to ours may take what ours sets.
      for (const [method, path] of [
        ['post', '/auth/logout'],
        ['get', '/auth/session'],
        ['get', '/auth/callback?code=x&state=x'],
      ]) {
        await page.goto(origin);
        await call(page, 'lead', method, gateway + path);
        await page.waitForURL((url) => url.origin === gateway);
      }
      await page.close();
    }
    assert.deepEqual(await me(first), known);
    assert.equal(await call(first, 'shop.statusOf', '/auth/session'), 200);
  });

  test('signs out in one tab: within a second the order stream of the other ends, and nobody else’s', async (t) => {
    const grace = await demo.newContext();
    const hers = await demo.signIn(grace, 'grace');
    const herNumber = await placeOrder(hers, 1);
    await call(second, 'shop.follow', await placeOrder(first, 1));
    await call(hers, 'shop.follow', herNumber);
    const { events } = await untilFollowed(second, 'the order of ada', isNow('CONFIRMED'));
    assert.equal(events[0]?.timeline.at(-1)?.type, 'order-placed');
    await untilFollowed(hers, 'the order of grace', isNow('CONFIRMED'));
    await demo.look();

    const [answer] = await Promise.all([
      first.waitForResponse(`${gateway}/auth/logout`),
      first.getByRole('button', { name: 'Sign out' }).click(),
    ]);
    const { endedAt } = await untilFollowed(
      second,
      'the end of her stream',
      (state) => state.endedAt !== null,
    );
    const ms = Number(endedAt) - answer.request().timing().startTime;
    t.diagnostic(`it ended after ${Math.round(ms)} ms`);
    assert.ok(ms > 0 && ms < 1_000, `it ended after ${ms} ms`);

    for (const path of ['/auth/session', '/api/v1/orders']) {
      assert.equal(await call(second, 'shop.statusOf', path), 401, path);
    }
    assert.equal(await me(second), null);
    // What a browser tells a tab that is looked at again.
    await second.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await second.getByRole('link', { name: 'Sign in' }).waitFor();

    await first.getByRole('button', { name: 'Sign out' }).click();
    await first.getByRole('link', { name: 'Sign in' }).waitFor();
    assert.equal(first.url(), `${gateway}/`);

    await call(hers, 'shop.ask', `mutation { cancelOrder(number: "${herNumber}") { order { status } } }`);
    const state = await untilFollowed(hers, 'what grace does then', isNow('CANCELLED'));
    assert.equal(state.endedAt, null);
    await demo.look();
  });

  test('has no token in the browser: not in cookies, storage, pages, scripts or any answer', async () => {
    netLog = await demo.closeBrowser();
    const { cookies, tokens } = demo;
    const answers = netLog.exchanges.filter(({ url }) => url.startsWith(gateway));
    const heads = answers.flatMap(({ received }) => received).join('\n');
    const bodies = Buffer.concat(answers.map(({ body }) => body));
    // What was given is in the record, or there would be nothing to find.
    assert.deepEqual(findSecrets(heads, cookies), [...cookies]);
    for (const text of ['EventSource(`/graphql', 'event: next', 'Ada L.'])
      assert.ok(bodies.includes(text), text);
    for (const text of ['portico=', '<h1>', 'Ada L.']) assert.ok(demo.kept().includes(text), text);
    assert.equal(cookies.size, 2);
    // An access, a refresh and an id token of each of both, and what services ask for.
    assert.ok(tokens.size >= 6);

    assert.deepEqual(findSecrets(netLog.everything, tokens), []);
    assert.deepEqual(findSecrets(demo.kept(), tokens), []);
    assert.deepEqual(findSecrets(bodies, cookies), []);
  });

  test('brings a code to the callback alone', () => {
    const codes = netLog.exchanges.flatMap(codeOf);
    assert.equal(codes.length, 2);
    for (const { url, sent, received, body } of netLog.exchanges) {
      assert.deepEqual(findSecrets(sent.join('\n'), codes), [], `sent to ${url}`);
      if (!url.startsWith(gateway)) continue;
      assert.deepEqual(findSecrets(received.join('\n'), codes), [], `fields of ${url}`);
      assert.deepEqual(findSecrets(body, codes), [], `body of ${url}`);
    }
  });

  test('is somebody in requests of own pages only', () => {
    const brings = ({ sent }: Exchange) => sent.some((line) => /^cookie:.*\bportico=/i.test(line));
    const from = (origin: string) =>
      netLog.exchanges.filter(({ url, initiator }) => initiator === origin && url.startsWith(gateway));
    const strange = from(hostile.elsewhere);
    assert.ok(strange.length > 15);
    assert.deepEqual(
      strange.filter(brings).map(({ url }) => url),
      [],
    );

    // A page of another port is of the same site: the browser sends the cookie, and the gateway refuses.
    const known = from(hostile.otherPort).filter(brings);
    const taken = known.filter(({ status }) => status !== 403 && status !== 405);
    assert.ok(known.length - taken.length > 10);
    assert.deepEqual(
      taken.map(({ method, url, sent, status }) => [method, url, destinationOf(sent), status]),
      [
        // The start page is everybody's.
        ['GET', `${gateway}/`, 'iframe', 200],
        // What the user goes to, the other page doesn't see.
        ['GET', `${gateway}/auth/session?`, 'document', 200],
        ['GET', `${gateway}/auth/callback?code=x&state=x`, 'document', 400],
      ],
    );
    for (const { url } of netLog.exchanges.filter(brings)) assert.equal(new URL(url).hostname, 'localhost');
  });

  test('leaves no token, code, state, cookie or secret in any log', async () => {
    const logs = await demo.stopShop();
    assert.match(String(logs['gateway.log']), /"route":"\/auth\/callback"/);
    assert.match(String(logs.identity), /"msg":"request"/);
    assert.ok(Object.keys(logs).length >= 12);
    const ofSignIns = netLog.exchanges.flatMap(({ url }) => {
      const { searchParams } = new URL(url);
      return ['code', 'state', 'nonce'].flatMap((name) => searchParams.get(name) ?? []);
    });
    const secrets = [...demo.tokens, ...demo.cookies, ...demo.secrets(), ...ofSignIns].filter(isSecret);
    for (const [name, text] of Object.entries(logs)) assert.deepEqual(findSecrets(text, secrets), [], name);
  });
}

const executable = findChromium();
const name = 'A user of the demo in Chromium';
if (executable === undefined) test(name, { skip: 'no chromium, chromium-browser or google-chrome on PATH' });
else describe(name, { timeout: 240_000 }, () => userOfTheDemo(executable));
