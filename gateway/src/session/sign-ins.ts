import { randomBytes } from 'node:crypto';
import { type CookieKind, readCookies } from './cookies.ts';
import type { SignInChecks } from './identity-provider.ts';
import type { Sealer } from './seal.ts';
import { hashOf } from './session-id.ts';

/** A sign-in that a browser has begun. */
export interface SignIn extends SignInChecks {
  readonly returnTo: string;
  /** The session that this browser had, by its id: it ends when the new one begins. */
  readonly replaces: string | undefined;
  /** Epoch milliseconds. */
  readonly begunAt: number;
}

/**
 * Sign-ins under way. Each is kept by the browser that began it, in a sealed cookie of its own: any number of visitors takes
 * no memory here, several tabs can sign in at once, and no other browser can end what this one began.
 */
export interface SignIns {
  /** @param cookies the request's `Cookie` field: of the sign-ins in it, the oldest give way */
  begin(cookies: string | undefined, given: Pick<SignIn, 'returnTo' | 'replaces'>): BegunSignIn;
  /** The sign-in of a state, if this browser began it not long ago. */
  find(cookies: string | undefined, state: string): FoundSignIn | undefined;
}

export interface BegunSignIn {
  readonly signIn: SignIn;
  /** `Set-Cookie` fields. */
  readonly cookies: readonly string[];
}

export interface FoundSignIn {
  readonly signIn: SignIn;
  /** The `Set-Cookie` field that ends it. */
  readonly clear: string;
}

/** How long a user may take, in milliseconds. */
export const signInMs = 600_000;
/** So many a browser may have under way. */
const maxAtOnce = 4;

export function createSignIns(cookie: CookieKind, sealer: Sealer, now: () => number): SignIns {
  const nameOf = (state: string) => cookie.name + hashOf(state).slice(0, 12);
  const open = (name: string, value: string): SignIn | undefined => {
    const text = sealer.unseal(value, name);
    const signIn: SignIn | undefined = text === undefined ? undefined : JSON.parse(text);
    return signIn !== undefined && signIn.begunAt + signInMs > now() ? signIn : undefined;
  };
  /** The names of those that give way to a new one. */
  const tooMany = (field: string | undefined): string[] =>
    readCookies(field)
      .filter(([name]) => name.startsWith(cookie.name) && /^[\w-]{12}$/.test(name.slice(cookie.name.length)))
      .map(([name, value]) => ({ name, begunAt: open(name, value)?.begunAt ?? 0 }))
      .sort((a, b) => b.begunAt - a.begunAt)
      .filter(({ begunAt }, index) => begunAt === 0 || index >= maxAtOnce - 1)
      .map(({ name }) => name);

  return {
    begin: (field, given) => {
      const [state, nonce, verifier] = [random(), random(), random()];
      const signIn: SignIn = { state, nonce, verifier, ...given, begunAt: now() };
      const name = nameOf(state);
      const begun = cookie.set(name, sealer.seal(JSON.stringify(signIn), name), signInMs / 1_000);
      return { signIn, cookies: [begun, ...tooMany(field).map(cookie.clear)] };
    },
    find: (field, state) => {
      const name = nameOf(state);
      const values = readCookies(field).filter(([found]) => found === name);
      const signIn = values.length === 1 ? open(name, values[0]?.[1] ?? '') : undefined;
      return signIn?.state === state ? { signIn, clear: cookie.clear(name) } : undefined;
    },
  };
}

/** 256 bits, as a code verifier may be (RFC 7636 section 4.1). */
function random(): string {
  return randomBytes(32).toString('base64url');
}
