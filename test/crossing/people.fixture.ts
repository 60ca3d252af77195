import { createTestBrowser, type TestBrowser } from '@portico/gateway/session/test-sign-in.fixture.ts';
import type { Somebody } from './asks.fixture.ts';
import { customers, type Marked } from './marks.fixture.ts';
import type { Front } from './start-front.fixture.ts';

/** Longer than any run: those of sessions are refreshed. */
const tokenSeconds = 86_400;
/** On a machine that is busy the store of sessions may take longer than it has, which is a 503. */
const tries = 50;
const sessionCookie = 'portico';

export type People = Awaited<ReturnType<typeof createPeople>>;

/** Two users by sessions and by tokens, one of them once more without his role, nobody twice, and a session that is over. */
export async function createPeople({ url, provider }: Pick<Front, 'url' | 'provider'>) {
  const [ada, grace] = customers;
  const byToken = async (customer: Marked, claims = {}) => {
    const exp = Math.floor(Date.now() / 1_000) + tokenSeconds;
    const authorization = `Bearer ${await provider.mint({ sub: customer.id, exp, ...claims })}`;
    return somebody(customer, { authorization });
  };
  const browsers = [createTestBrowser(url, provider), createTestBrowser(url, provider)] as const;
  let signIns = 0;
  const until = async (hasCookie: boolean, { jar }: TestBrowser, attempt: () => Promise<unknown>) => {
    for (let left = tries; jar.has(sessionCookie) !== hasCookie; left -= 1) {
      if (left === 0) throw new Error('nobody can sign in or out');
      await attempt();
    }
  };
  const signIn = async (browser: TestBrowser, customer: Marked) => {
    signIns += 1;
    await until(true, browser, () => browser.signIn({ sub: customer.id }));
    return { ...somebody(customer, { cookie: browser.cookies(), 'portico-csrf': '1' }), hasSession: true };
  };
  const signedIn: [Somebody, Somebody] = [await signIn(browsers[0], ada), await signIn(browsers[1], grace)];
  const others: readonly Somebody[] = [
    await byToken(ada),
    await byToken(grace),
    { ...(await byToken(ada, { roles: [] })), hasOrders: false },
    somebody(undefined, {}),
    somebody(undefined, {}),
  ];
  let over: Somebody | undefined;
  return {
    all: (): readonly Somebody[] => [...signedIn, ...others, ...(over ? [over] : [])],
    /** What every access token begins with, and the cookie of a session. */
    secrets: [
      others[0]?.fields.authorization?.slice('Bearer '.length, 27) ?? '',
      `${sessionCookie}=[\\w-]{43}`,
    ],
    signIns: () => signIns,
    /** In one browser the one signs out, and the other one in. */
    swap: async (at: 0 | 1) => {
      const browser = browsers[at];
      const before = signedIn[at];
      before.end = 'under way';
      await until(false, browser, () => browser.post('/auth/logout'));
      before.end = 'over';
      over = before;
      signedIn[at] = await signIn(browser, before.customer === ada ? grace : ada);
    },
  };
}

function somebody(customer: Marked | undefined, fields: Somebody['fields']): Somebody {
  return { customer, fields, hasSession: false, hasOrders: customer !== undefined, end: 'none' };
}
