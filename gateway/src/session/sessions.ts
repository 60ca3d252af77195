import type { EndReason } from '@portico/contracts/events/session-ended.ts';
import type { IDToken } from 'openid-client';
import {
  type IdentityProvider,
  ProviderRefused,
  ProviderUnavailable,
  type Tokens,
} from './identity-provider.ts';
import type { Sealer } from './seal.ts';
import { hashOf, newSessionToken, toSessionId } from './session-id.ts';
import type { SessionMetrics } from './session-metrics.ts';
import type { SessionStore } from './session-store.ts';
import { signInMs } from './sign-ins.ts';

/** What is in a session. */
export interface SessionContent {
  readonly subject: string;
  /** What the user's own pages may know of them. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly accessToken: string;
  readonly scope: string | undefined;
  readonly refreshToken: string | undefined;
  /** Epoch milliseconds: from when on the access token is refreshed, and from when on it is not valid. Never when undefined. */
  readonly refreshFrom: number | undefined;
  readonly accessExpiresAt: number | undefined;
}

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly sealer: Sealer;
  readonly provider: IdentityProvider;
  readonly metrics: SessionMetrics;
  /** Told of each session that was ended here, and is in no store any more. */
  readonly onEnd?: ((end: SessionEnd) => void) | undefined;
  /** Without a request for this long a session ends, in milliseconds. */
  readonly idleMs: number;
  /** Whatever happens, it lasts no longer than this. */
  readonly absoluteMs: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly pause?: (ms: number) => Promise<void>;
}

/** The end of a session before its time. */
export interface SessionEnd {
  /** What the store knew it by. */
  readonly id: string;
  readonly subject: string;
  readonly reason: EndReason;
}

/**
 * The sessions of users who have signed in. What is called a token here is the random value of a cookie.
 * All operations reject with `SessionStoreUnavailable` while the store is away.
 */
export interface Sessions {
  /**
   * Begins a session with a token that nobody has seen before.
   * @param begunAt when the sign-in began, in epoch milliseconds
   * @throws ProviderRefused when the user's sessions, or those of this sign-in at the provider, were ended since then
   */
  begin(tokens: Tokens, begunAt: number): Promise<string>;
  /**
   * The session of a token with an access token that is good for a while; undefined when it is over.
   * @throws ProviderUnavailable when its access token has to be refreshed and that can't be done now
   */
  find(token: string): Promise<SessionContent | undefined>;
  /** Ends a session; at a sign-out the provider forgets its refresh token. */
  end(token: string, reason: EndReason): Promise<void>;
  /** The same by what the store knows it by. */
  endById(id: string, reason: EndReason): Promise<void>;
  /** Ends all of a user's sessions (`sub`), or those of one sign-in at the provider (`sid`); gives how many there were. */
  endAll(claim: 'sub' | 'sid', value: string, reason: EndReason): Promise<number>;
}

/** How long one instance may refresh before another one may try: longer than two requests to the provider. */
const leaseMs = 10_000;
/** How long a request waits for the refresh of another instance. */
const waitMs = 6_000;
const pollMs = 25;
const putAgainMs = 200;
/** An access token is refreshed so long before its end, or for the last fifth of a short life. */
const aheadMs = 10_000;
/** Requests put off the idle end of their session once in this time at the most, or in a tenth of what is idle. */
const touchMs = 60_000;

interface OpenSession {
  readonly content: SessionContent;
  readonly version: number;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { store, sealer, provider, metrics, onEnd, idleMs, absoluteMs } = options;
  const { now = Date.now, pause = sleep } = options;
  const refreshing = new Map<string, Promise<OpenSession | undefined>>();

  const open = async (id: string): Promise<(OpenSession & { readonly expiresAt: number }) | undefined> => {
    const stored = await store.read(id);
    const content = stored && unseal(id, stored.sealed);
    if (stored === undefined || content === undefined) return undefined;
    return { content, version: stored.version, expiresAt: stored.expiresAt };
  };
  const unseal = (id: string, sealed: string): SessionContent | undefined => {
    const text = sealer.unseal(sealed, id);
    return text === undefined ? undefined : JSON.parse(text);
  };
  const isDue = ({ content: { refreshFrom } }: OpenSession) =>
    refreshFrom !== undefined && refreshFrom <= now();
  const isOver = ({ accessExpiresAt }: SessionContent) =>
    accessExpiresAt !== undefined && accessExpiresAt <= now();
  const endById = async (id: string, reason: EndReason) => {
    const sealed = await store.remove(id);
    if (sealed !== undefined) ended(id, sealed, reason);
  };
  /** A session is not in the store any more. */
  const ended = (id: string, sealed: string, reason: EndReason) => {
    metrics.ended.inc({ reason });
    const content = unseal(id, sealed);
    if (content === undefined) return;
    // Who signs in again has a grant that goes on: providers that forget a token forget all that belongs to it.
    if (reason === 'logout' || reason === 'operator') forget(content.refreshToken);
    onEnd?.({ id, subject: content.subject, reason });
  };
  const forget = (refreshToken: string | undefined) => {
    // Its session is over in any case.
    if (refreshToken !== undefined) provider.revoke(refreshToken).catch(() => {});
  };
  const touch = (id: string, expiresAt: number) => {
    const later = now() + idleMs;
    if (later - expiresAt < Math.min(touchMs, idleMs / 10)) return;
    // Beside the request. Where it fails the session ends a little earlier.
    store.touch(id, later).catch(() => {});
  };

  /**
   * Refreshes a session's access token, once over all instances:
   *  1. Takes the lease, or waits: whoever has it may have put a new token in place.
   *  2. Reads the session again, since that may have happened before the lease was ours.
   *  3. Asks the provider.
   *  4. Puts the answer in place, if the session is still the one that was read: it may have been ended meanwhile.
   *  5. Gives the lease back. One that is not given back ends by itself.
   */
  const refreshOnce = async (id: string): Promise<OpenSession | undefined> => {
    const lease = `refresh:${id}`;
    const holder = newSessionToken();
    const waitUntil = now() + waitMs;
    while (!(await store.lease(lease, holder, leaseMs))) {
      const session = await open(id);
      if (session === undefined || !isDue(session)) return session;
      if (now() >= waitUntil) throw new ProviderUnavailable('another instance is refreshing');
      await pause(pollMs);
    }
    try {
      const session = await open(id);
      if (session === undefined || !isDue(session)) return session;
      return await replaceTokens(id, session);
    } finally {
      store.release(lease, holder).catch(() => {});
    }
  };
  /** The provider says it once: a store that is away for a moment must not lose it. */
  const put = async (id: string, version: number, sealed: string, tries = 3): Promise<boolean> => {
    try {
      return await store.replace(id, version, sealed);
    } catch (error) {
      if (tries === 1) throw error;
      await pause(putAgainMs);
      return put(id, version, sealed, tries - 1);
    }
  };
  const replaceTokens = async (id: string, { content, version }: OpenSession) => {
    try {
      const tokens = await provider.refresh(content.refreshToken ?? '');
      // OpenID Connect Core section 12.2.
      if (tokens.claims !== undefined && tokens.claims.sub !== content.subject)
        throw new ProviderRefused('sub');
      const next = { ...content, ...renewed(content, tokens, now()) };
      const isOurs = await put(id, version, sealer.seal(JSON.stringify(next), id));
      metrics.refreshes.inc({ outcome: 'refreshed' });
      if (isOurs) return { content: next, version: version + 1 };
      const current = await open(id);
      if (current === undefined) forget(tokens.refreshToken);
      return current;
    } catch (error) {
      metrics.refreshes.inc({ outcome: error instanceof ProviderRefused ? 'refused' : 'failed' });
      if (!(error instanceof ProviderRefused)) throw error;
      await endById(id, 'refused');
      return undefined;
    }
  };
  /** Requests of this process wait for the same refresh; it goes on when those who wait for it leave. */
  const refresh = (id: string) => {
    const running = refreshing.get(id) ?? refreshOnce(id).finally(() => refreshing.delete(id));
    refreshing.set(id, running);
    return running;
  };

  return {
    begin: async (tokens, begunAt) => {
      const token = newSessionToken();
      const id = hashOf(token);
      const content = beginContent(tokens, now());
      const endsAt = now() + absoluteMs;
      const sid = tokens.claims?.sid;
      const created = await store.create({
        id,
        sealed: sealer.seal(JSON.stringify(content), id),
        expiresAt: Math.min(now() + idleMs, endsAt),
        endsAt,
        groups: [groupOf('sub', content.subject), ...(typeof sid === 'string' ? [groupOf('sid', sid)] : [])],
        begunAt,
      });
      if (!created) {
        forget(tokens.refreshToken);
        throw new ProviderRefused('ended meanwhile');
      }
      metrics.started.inc();
      return token;
    },
    find: async (token) => {
      const id = toSessionId(token);
      const session = id === undefined ? undefined : await open(id);
      if (id === undefined || session === undefined) return undefined;
      touch(id, session.expiresAt);
      if (!isDue(session)) return session.content;
      if (session.content.refreshToken !== undefined) {
        return (
          await refresh(id).catch((error) => {
            // It was early: the old one is good for a moment yet.
            if (error instanceof ProviderUnavailable && !isOver(session.content)) return session;
            throw error;
          })
        )?.content;
      }
      if (!isOver(session.content)) return session.content;
      await endById(id, 'expired');
      return undefined;
    },
    end: async (token, reason) => {
      const id = toSessionId(token);
      if (id !== undefined) await endById(id, reason);
    },
    endById,
    endAll: async (claim, value, reason) => {
      let count = 0;
      await store.removeGroup(groupOf(claim, value), signInMs, ({ id, sealed }) => {
        count += 1;
        ended(id, sealed, reason);
      });
      return count;
    },
  };
}

const groupOf = (claim: 'sub' | 'sid', value: string) => hashOf(`${claim} ${value}`);

function beginContent(tokens: Tokens, now: number): SessionContent {
  const { claims } = tokens;
  if (claims === undefined) throw new ProviderRefused('no id token');
  return { subject: claims.sub, claims: userClaims(claims), ...lives(tokens, now) };
}

/** What is not said again stays as it was (RFC 6749 section 6). */
function renewed(before: SessionContent, tokens: Tokens, now: number): Partial<SessionContent> {
  const next = lives(tokens, now);
  return {
    ...next,
    refreshToken: next.refreshToken ?? before.refreshToken,
    scope: next.scope ?? before.scope,
    ...(tokens.claims === undefined ? {} : { claims: { ...before.claims, ...userClaims(tokens.claims) } }),
  };
}

function lives({ accessToken, refreshToken, scope, expiresInS }: Tokens, now: number) {
  const lifeMs = expiresInS === undefined ? undefined : expiresInS * 1_000;
  return {
    accessToken,
    refreshToken,
    scope,
    refreshFrom: lifeMs === undefined ? undefined : now + lifeMs - Math.min(aheadMs, lifeMs / 5),
    accessExpiresAt: lifeMs === undefined ? undefined : now + lifeMs,
  };
}

/** Claims that say something of the id token and the sign-in, not of the user. */
const ofProtocol = new Set(
  ['acr', 'amr', 'at_hash', 'aud', 'auth_time', 'azp', 'c_hash', 'exp', 'iat', 'iss', 'jti', 'nbf'].concat([
    'nonce',
    's_hash',
    'sid',
  ]),
);

function userClaims(claims: IDToken): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !ofProtocol.has(name)));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
