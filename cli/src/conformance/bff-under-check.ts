import { createVisitor, type Visit, type Visitor } from './visitor.ts';

/** Where the BFF has what is checked, and who signs in. */
export interface ConformanceOptions {
  /** Its origin. */
  readonly url: string;
  readonly login: string;
  readonly session: string;
  readonly logout: string;
  /** The field by which its own pages show that it is them. */
  readonly field: readonly [name: string, value: string];
  /** Nobody signs in when left out: what needs that is skipped. */
  readonly user: string | undefined;
  readonly password: string;
}

/** What the checks share: each looks at the same BFF, and most at the same sign-in. */
export interface BffUnderCheck extends ConformanceOptions {
  /** Begins a sign-in in a browser of its own; gives the address at the provider. */
  readonly begin: (visitor: Visitor) => Promise<URL>;
  /** Signs in; gives the answer that ended it. @throws Skipped when nobody can */
  readonly signIn: (visitor: Visitor, returnTo?: string) => Promise<Visit>;
  /** Somebody who has signed in, the same one for all. */
  readonly signedIn: () => Promise<SignedIn>;
  readonly ownFields: Readonly<Record<string, string>>;
}

export interface SignedIn {
  readonly visitor: Visitor;
  /** The `Set-Cookie` field of the session, and its name. */
  readonly cookie: string;
  readonly name: string;
}

/** A check that can say nothing of this BFF. */
export class Skipped extends Error {
  override name = 'Skipped';
}

export function createBffUnderCheck(options: ConformanceOptions): BffUnderCheck {
  const { url, login, user, password } = options;
  const ownFields = { [options.field[0]]: options.field[1] };
  const own = new URL(url).origin;
  let someone: Promise<SignedIn> | undefined;

  const begin: BffUnderCheck['begin'] = async (visitor) => {
    const { headers, status } = await visitor.visit(`${own}${login}?returnTo=/`);
    const location = headers.get('location');
    if (location === null)
      throw new Error(`${login} is answered with ${status} and no redirect to a provider`);
    return new URL(location, own);
  };
  const signIn: BffUnderCheck['signIn'] = async (visitor, returnTo = '/') => {
    if (user === undefined) throw new Skipped('needs somebody who signs in: --user and --password');
    const query = new URLSearchParams({ returnTo });
    const page = await visitor.open(`${own}${login}?${query}`);
    const action = /<form[^>]*\saction="([^"]+)"/.exec(page.text)?.[1];
    if (action === undefined) throw new Skipped(`${page.url} shows no form to sign in with`);
    const form = new URLSearchParams({ login: user, username: user, password });
    const away = (next: string) =>
      new URL(next).origin !== own && new URL(next).origin !== new URL(page.url).origin;
    return visitor.open(new URL(action, page.url).href, { form }, away);
  };
  const signedIn = async (): Promise<SignedIn> => {
    const visitor = createVisitor();
    await signIn(visitor);
    const kept = visitor.cookies(own);
    const set = visitor.seen
      .filter((visit) => visit.url.startsWith(own))
      .flatMap(({ setCookies }) => setCookies);
    const cookie = set.findLast(
      (field) => kept.has(field.split('=', 1)[0] ?? '') && (field.split('=')[1] ?? '') !== '',
    );
    const [name] = cookie?.split('=', 1) ?? [];
    if (cookie === undefined || name === undefined) throw new Error('a sign-in sets no cookie');
    return { visitor, cookie, name };
  };
  return {
    ...options,
    url: own,
    ownFields,
    begin,
    signIn,
    signedIn: () => {
      someone ??= signedIn();
      return someone;
    },
  };
}
