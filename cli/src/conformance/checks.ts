import { type BffUnderCheck, Skipped } from './bff-under-check.ts';
import { findOpenProxy } from './closed-proxy.ts';
import { redeemWithoutSecret } from './token-endpoint.ts';
import { createVisitor } from './visitor.ts';

/** One thing that a document asks of a BFF. */
export interface Check {
  readonly name: string;
  /** Where it is asked for. */
  readonly section: string;
  readonly level: 'MUST' | 'SHOULD';
  /** Why it is not so; undefined when it is. @throws Skipped when nothing can be said */
  readonly run: (bff: BffUnderCheck) => Promise<string | undefined>;
}

const cookies = 'RFC 10017 6.1.3.2';
const forgery = 'RFC 10017 6.1.3.3';
const cors = 'RFC 10017 6.1.3.3.2';
const evil = 'https://evil.example';
/** A JSON Web Token (RFC 7519), which is what most tokens are. */
const jwt = /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/;

const unlessHttps = ({ url }: BffUnderCheck) => {
  if (!url.startsWith('https:')) throw new Skipped('is for https alone');
};
const has = (cookie: string, attribute: RegExp) => attribute.test(cookie.slice(cookie.indexOf(';') + 1));

/** Everything that is checked, in this order. */
export const checks: readonly Check[] = [
  {
    name: 'code-grant',
    section: 'RFC 10017 6.1.3.1',
    level: 'MUST',
    run: async (bff) => {
      const { searchParams } = await bff.begin(createVisitor());
      const type = searchParams.get('response_type');
      return type === 'code' ? undefined : `the provider is asked for ${type}, not for a code`;
    },
  },
  {
    name: 'confidential-client',
    section: 'RFC 10017 6.1.3.1',
    level: 'MUST',
    run: async (bff) => {
      const error = await redeemWithoutSecret(await bff.begin(createVisitor()));
      if (error === 'invalid_grant') return 'the provider takes codes from its client without a secret';
      if (/^(?:invalid|unauthorized)_client$/.test(error)) return undefined;
      throw new Skipped(`the provider answers a client without a secret with ${error}`);
    },
  },
  {
    name: 'pkce',
    section: 'RFC 9700 2.1.1',
    level: 'SHOULD',
    run: async (bff) => {
      const { searchParams } = await bff.begin(createVisitor());
      const method = searchParams.get('code_challenge_method');
      return searchParams.has('code_challenge') && method === 'S256'
        ? undefined
        : 'there is no challenge by S256';
    },
  },
  {
    name: 'one-time-values',
    section: 'RFC 9700 2.1.1, 4.7.1',
    level: 'MUST',
    run: async (bff) => {
      const [one, two] = [await bff.begin(createVisitor()), await bff.begin(createVisitor())];
      const same = ['state', 'code_challenge', 'nonce'].filter((name) => {
        const value = one.searchParams.get(name);
        return value !== null && value === two.searchParams.get(name);
      });
      return same.length === 0 ? undefined : `two sign-ins have the same ${same.join(' and ')}`;
    },
  },
  {
    name: 'bound-to-browser',
    section: 'RFC 9700 4.7',
    level: 'MUST',
    run: async (bff) => {
      const { searchParams } = await bff.begin(createVisitor());
      const callback = new URL(searchParams.get('redirect_uri') ?? '/', bff.url);
      callback.search = new URLSearchParams({
        code: 'x',
        state: searchParams.get('state') ?? 'x',
      }).toString();
      const { status } = await createVisitor().visit(callback.href);
      return status >= 400 && status < 500
        ? undefined
        : `another browser's sign-in is answered with ${status}`;
    },
  },
  {
    name: 'cookie-secure',
    section: cookies,
    level: 'MUST',
    run: async (bff) => {
      unlessHttps(bff);
      const { cookie } = await bff.signedIn();
      return has(cookie, /\bsecure\b/i) ? undefined : 'the session cookie is not Secure';
    },
  },
  {
    name: 'cookie-http-only',
    section: cookies,
    level: 'MUST',
    run: async (bff) => {
      const { cookie } = await bff.signedIn();
      return has(cookie, /\bhttponly\b/i) ? undefined : 'scripts can read the session cookie';
    },
  },
  {
    name: 'cookie-same-site',
    section: cookies,
    level: 'SHOULD',
    run: async (bff) => {
      const { cookie } = await bff.signedIn();
      return has(cookie, /\bsamesite=strict\b/i) ? undefined : 'the session cookie is not SameSite=Strict';
    },
  },
  {
    name: 'cookie-place',
    section: cookies,
    level: 'SHOULD',
    run: async (bff) => {
      const { cookie } = await bff.signedIn();
      if (has(cookie, /\bdomain=/i)) return 'the session cookie has a Domain';
      return has(cookie, /\bpath=\/(?:;|$)/i) ? undefined : 'the path of the session cookie is not /';
    },
  },
  {
    name: 'cookie-prefix',
    section: cookies,
    level: 'SHOULD',
    run: async (bff) => {
      unlessHttps(bff);
      const { name } = await bff.signedIn();
      return name.startsWith('__Host-') ? undefined : `the session cookie is called ${name}, without __Host-`;
    },
  },
  {
    name: 'no-token-in-browser',
    section: 'RFC 10017 6.1.1',
    level: 'MUST',
    run: async (bff) => {
      const { visitor } = await bff.signedIn();
      await visitor.visit(bff.url + bff.session, { fields: bff.ownFields });
      const seen = visitor.seen.filter(({ url }) => url.startsWith(bff.url));
      const found = seen.find(
        ({ headers, text }) => jwt.test(JSON.stringify([...headers])) || jwt.test(text),
      );
      return found === undefined ? undefined : `${new URL(found.url).pathname} answers with a token`;
    },
  },
  {
    name: 'session-for-users',
    section: 'RFC 10017 6.1.2.1',
    level: 'MUST',
    run: async (bff) => {
      const nobody = await createVisitor().visit(bff.url + bff.session);
      if (nobody.status === 200 && nobody.text.includes('"sub"'))
        return 'somebody without a cookie has a session';
      const { visitor } = await bff.signedIn();
      const { status } = await visitor.visit(bff.url + bff.session, { fields: bff.ownFields });
      return status === 200 ? undefined : `somebody who has signed in gets ${status}`;
    },
  },
  {
    name: 'session-not-cached',
    section: 'RFC 9111 5.2.2',
    level: 'MUST',
    run: async (bff) => {
      const { visitor } = await bff.signedIn();
      const { headers } = await visitor.visit(bff.url + bff.session, { fields: bff.ownFields });
      const said = headers.get('cache-control') ?? '';
      return /no-store|private/.test(said) ? undefined : `the session may be kept by caches: "${said}"`;
    },
  },
  {
    name: 'forged-request',
    section: forgery,
    level: 'SHOULD',
    run: async (bff) => {
      const { visitor } = await bff.signedIn();
      const fields = { origin: evil, 'sec-fetch-site': 'cross-site' };
      await visitor.visit(bff.url + bff.logout, { method: 'POST', fields });
      await visitor.visit(bff.url + bff.logout, { fields });
      const { status } = await visitor.visit(bff.url + bff.session, { fields: bff.ownFields });
      return status === 200 ? undefined : 'a form or image of another page ends the session';
    },
  },
  {
    name: 'cookie-stays',
    section: forgery,
    level: 'SHOULD',
    run: async (bff) => {
      const { name, cookie } = await bff.signedIn();
      if (has(cookie, /\bsamesite=none\b/i)) throw new Skipped('other pages send the session cookie along');
      const fields = {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      };
      // As from another site: without the cookie, which a link leaves out if it is SameSite=Strict. What the answer sets counts.
      const visits = [await createVisitor().visit(bff.url + bff.logout, { method: 'POST', fields })];
      if (has(cookie, /\bsamesite=strict\b/i))
        visits.push(await createVisitor().visit(bff.url + bff.session, { fields }));
      const changed = visits.find(({ setCookies }) =>
        setCookies.some((field) => field.startsWith(`${name}=`)),
      );
      return (
        changed &&
        `a link or form of another page changes the session cookie by ${new URL(changed.url).pathname}`
      );
    },
  },
  {
    name: 'own-field',
    section: cors,
    level: 'SHOULD',
    run: async (bff) => {
      const { visitor } = await bff.signedIn();
      const { status } = await visitor.visit(bff.url + bff.session, {
        fields: { origin: evil, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
      });
      return status >= 400 && status < 500
        ? undefined
        : `a script of another host of the site, without the field of the BFF's own pages, is answered with ${status}`;
    },
  },
  {
    name: 'cors-denied',
    section: cors,
    level: 'MUST',
    run: async (bff) => {
      const { visitor } = await bff.signedIn();
      const asked = { origin: evil, 'access-control-request-method': 'GET' };
      const preflight = await visitor.visit(bff.url + bff.session, { method: 'OPTIONS', fields: asked });
      const answer = await visitor.visit(bff.url + bff.session, {
        fields: { ...bff.ownFields, origin: evil },
      });
      const allowed = [preflight, answer].map(({ headers }) => headers.get('access-control-allow-origin'));
      return allowed.some((origin) => origin === evil || origin === '*')
        ? 'any origin may read answers'
        : undefined;
    },
  },
  {
    name: 'closed-proxy',
    section: 'RFC 10017 6.1.3.6',
    level: 'MUST',
    run: findOpenProxy,
  },
  {
    name: 'new-session-id',
    section: 'RFC 6265 8.4',
    level: 'MUST',
    run: async (bff) => {
      const { name, visitor } = await bff.signedIn();
      const mallory = createVisitor();
      const planted = visitor.cookies(bff.url).get(name) ?? '';
      mallory.cookies(bff.url).set(
        name,
        planted.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
      );
      const before = mallory.cookies(bff.url).get(name);
      await bff.signIn(mallory);
      return mallory.cookies(bff.url).get(name) === before
        ? 'a sign-in takes an id that was there before'
        : undefined;
    },
  },
  {
    name: 'own-pages-only',
    section: 'RFC 9700 4.11.1',
    level: 'MUST',
    run: async (bff) => {
      for (const target of ['//evil.example', `${evil}/`, '/\\evil.example', '/%2f%2fevil.example']) {
        const { url } = await bff.signIn(createVisitor(), target);
        if (new URL(url).origin !== bff.url) return `a sign-in leads to ${new URL(url).origin}`;
      }
      return undefined;
    },
  },
  {
    name: 'logout-ends-session',
    section: 'RFC 10017 6.1.2.1',
    level: 'MUST',
    run: async (bff) => {
      const visitor = createVisitor();
      await bff.signIn(visitor);
      const kept = [...visitor.cookies(bff.url)].map(([name, value]) => `${name}=${value}`).join('; ');
      await visitor.visit(bff.url + bff.logout, { method: 'POST', fields: bff.ownFields });
      const fields = { ...bff.ownFields, cookie: kept };
      const { status } = await createVisitor().visit(bff.url + bff.session, { fields });
      return status === 200 ? 'a copy of the cookie is good after the logout' : undefined;
    },
  },
];
