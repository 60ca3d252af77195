import type { Logger } from '@portico/runtime/log.ts';
import type { RequestHandler } from 'express';
import type { OidcTable, UpstreamTable } from '../table/route-table.ts';
import { answerAuth } from './auth-endpoints.ts';
import { createCodeExchanges } from './code-exchanges.ts';
import { sessionCookie, signInCookie } from './cookies.ts';
import { createIdentityProvider } from './identity-provider.ts';
import { createLogoutTokenVerifier } from './logout-token.ts';
import { createSealer } from './seal.ts';
import type { SessionMetrics } from './session-metrics.ts';
import { toSessionProblem } from './session-problems.ts';
import type { SessionStore } from './session-store.ts';
import { createSessionStreams, type SessionStreams } from './session-streams.ts';
import { createSessions } from './sessions.ts';
import { createSignIns } from './sign-ins.ts';
import { createSessionEnds } from './tell-session-ends.ts';
import { useSession } from './use-session.ts';

/** What sessions need beside the table: it lives as long as the process. */
export interface SessionParts {
  readonly store: SessionStore;
  /** What sessions and sign-ins are sealed with: the current secret, and the one before it. */
  readonly secrets: readonly string[];
  readonly metrics: SessionMetrics;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface Auth {
  readonly streams: SessionStreams;
  /** For operators: ends all sessions of a user, or of one sign-in at the provider; gives how many there were. */
  readonly endSessions: (claim: 'sub' | 'sid', value: string) => Promise<number>;
  readonly useSession: RequestHandler;
  readonly answerAuth: RequestHandler;
  /** Ends what it does by itself, but for streams that are open. */
  readonly retire: () => void;
  readonly close: () => void;
}

export interface AuthOptions extends SessionParts {
  readonly oidc: OidcTable;
  /** Of these, those that want to hear it are told of sessions that end. */
  readonly upstreams: Readonly<Record<string, UpstreamTable>>;
  readonly log: Logger;
}

/** Sessions of users who sign in at the provider of the table's `oidc`. */
export function createAuth({ oidc, upstreams, log, ...parts }: AuthOptions): Auth {
  const { store, secrets, metrics, now = Date.now } = parts;
  const { issuer, clientId, publicUrl, idleSeconds, absoluteSeconds } = oidc;
  const cookie = sessionCookie(publicUrl);
  const provider = createIdentityProvider(oidc);
  const streams = createSessionStreams({ store, now });
  const ends = createSessionEnds({ upstreams, log, metrics, now });
  const sessions = createSessions({
    store,
    sealer: createSealer(secrets, 'session'),
    provider,
    metrics,
    onEnd: (end) => {
      streams.ended(end.id);
      ends.tell(end);
    },
    idleMs: idleSeconds * 1_000,
    absoluteMs: absoluteSeconds * 1_000,
    now,
  });
  const signIns = createSignIns(signInCookie(publicUrl), createSealer(secrets, 'sign-in'), now);
  const verifyLogoutToken = createLogoutTokenVerifier({ issuer, clientId, now });
  return {
    streams,
    endSessions: (claim, value) => sessions.endAll(claim, value, 'operator').catch(toSessionProblem),
    useSession: useSession(sessions, cookie, publicUrl),
    answerAuth: answerAuth({
      oidc,
      sessions,
      signIns,
      provider,
      exchanges: createCodeExchanges(now),
      store,
      metrics,
      cookie,
      verifyLogoutToken,
    }),
    retire: ends.retire,
    close: () => {
      streams.close();
      ends.close();
    },
  };
}
