import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createIdentity, type IdentityParts } from './create-identity.ts';
import type { KeyFolder } from './keys/key-folder.ts';
import { openSigningKeys } from './keys/signing-keys.ts';
import { createDemoUsers } from './users.ts';

export type TestIdentity = Awaited<ReturnType<typeof startIdentity>>;

export const ordersSecret = 'a secret of this test';

/** The provider on a port of its own. Keys are in memory. */
export async function startIdentity(parts: Partial<IdentityParts> = {}) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity = createIdentity({
    issuer,
    users: createDemoUsers(),
    keys: openSigningKeys(createMemoryFolder()),
    cookieKey: 'a key of this test',
    ordersSecret,
    log: silentLogger,
    metrics: createMetrics('identity'),
    ...parts,
  });
  server.on('request', identity.app);
  return {
    issuer,
    rotateKeys: identity.rotateKeys,
    disable: identity.disable,
    enable: identity.enable,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function createMemoryFolder(): KeyFolder {
  let kept: ReturnType<KeyFolder['read']> = [];
  return {
    read: () => kept,
    write: (keys) => {
      kept = keys;
    },
  };
}

export interface App {
  readonly client_id: string;
  readonly redirect_uri: string;
}
export const cli: App = { client_id: 'portico-cli', redirect_uri: 'http://127.0.0.1:5123/callback' };
export const phone: App = { client_id: 'portico-phone', redirect_uri: 'com.example.portico:/callback' };

const verifier = 'v'.repeat(43);

/** The address where an app sends its user, with these parameters instead of the usual ones. */
export function authorizationPath(app: App, changed: Record<string, string | undefined> = {}): string {
  const parameters = {
    ...app,
    response_type: 'code',
    scope: 'openid profile shop',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'the-state',
    ...changed,
  };
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return `/auth?${new URLSearchParams(given)}`;
}

/**
 * Follows no redirect by itself, and keeps cookies by their paths.
 * @param localAddress where it is
 */
export function createBrowser(issuer: string, localAddress?: string) {
  const jar = new Map<string, { readonly path: string; readonly pair: string }>();
  const cookiesFor = (path: string) =>
    [...jar.values()]
      .filter((kept) => path.startsWith(kept.path))
      .map(({ pair }) => pair)
      .join('; ');
  const send = async (path: string, form?: Record<string, string>, fields: Record<string, string> = {}) => {
    const url = new URL(path, issuer);
    const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    const headers = { accept: 'text/html', cookie: cookiesFor(url.pathname), ...type, ...fields };
    const method = form === undefined ? 'GET' : 'POST';
    const sent = request(url, { method, headers, localAddress, agent: false });
    sent.end(form && new URLSearchParams(form).toString());
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    for (const field of answer.headers['set-cookie'] ?? []) {
      const pair = field.split(';')[0] ?? '';
      const place = /path=([^;]+)/i.exec(field)?.[1] ?? '/';
      jar.set(`${pair.split('=')[0]} ${place}`, { path: place, pair });
    }
    return {
      status: answer.statusCode,
      headers: new Headers(pairsOf(answer.rawHeaders)),
      text: await text(answer),
      location: answer.headers.location ?? '',
    };
  };
  const get = (path: string) => send(path);
  const post = (path: string, form: Record<string, string> = {}, fields: Record<string, string> = {}) =>
    send(path, form, fields);

  return {
    get,
    post,
    /** The `Cookie` field that it sends to a path. */
    cookiesFor,
    /** Where an app's user arrives: the path of the sign-in. */
    begin: async (app: App, changed?: Record<string, string | undefined>) =>
      (await get(authorizationPath(app, changed))).location,
    /** Signs in with the form, and gives the address at the app where that ends. */
    signIn: async (app: App, login: string, password = 'demo') => {
      const { location } = await get(authorizationPath(app));
      const sent = await post(`${location}/login`, { login, password });
      return new URL((await get(sent.location)).location);
    },
  };
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : []));
}

export type TestBrowser = ReturnType<typeof createBrowser>;

export async function token(
  issuer: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(`${issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

/** Changes a code for tokens. */
export function exchange(
  issuer: string,
  app: App,
  code: string | null,
  changed: Record<string, string> = {},
) {
  return token(issuer, {
    grant_type: 'authorization_code',
    code: code ?? randomUUID(),
    ...app,
    code_verifier: verifier,
    ...changed,
  });
}
