import { unknownUser } from '@portico/runtime/identity.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { CookieKind } from './cookies.ts';
import { ProviderRefused, ProviderUnavailable } from './identity-provider.ts';
import { SessionStoreUnavailable } from './session-store.ts';

/** Takes the cookie of a session that is over off the browser. */
export const sessionOver = (cookie: CookieKind) => notSignedIn({ 'Set-Cookie': cookie.clear(cookie.name) });

/**
 * For a request without a session cookie. It takes none off: a page of another site may have led the browser here, which then
 * leaves out its cookie (SameSite=Strict), and would be signed out.
 */
export function notSignedIn(headers: Readonly<Record<string, string>> = {}): Problem {
  return new Problem('unauthenticated', 'Nobody is signed in here, or not any more: sign in.', {
    headers: { 'WWW-Authenticate': 'Bearer', ...headers },
  });
}

/** @throws Problem that an error of sessions, their store or the provider stands for; the error itself if it is none of these */
export function toSessionProblem(error: unknown): never {
  if (error instanceof SessionStoreUnavailable) throw unknownUser(error);
  if (error instanceof ProviderUnavailable) {
    const detail = 'The identity provider can not be reached at the moment. Your session stays.';
    throw new Problem('unavailable', detail, { headers: { 'Retry-After': '1' }, cause: error });
  }
  if (error instanceof ProviderRefused) {
    throw new Problem(
      'unauthenticated',
      'The sign-in came back with something that does not fit. Begin again.',
      {
        headers: { 'WWW-Authenticate': 'Bearer' },
        cause: error,
      },
    );
  }
  throw error;
}
