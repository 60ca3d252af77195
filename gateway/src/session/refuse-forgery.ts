import type { IncomingMessage } from 'node:http';
import { Problem } from '@portico/runtime/problems.ts';
import { asksForWebSocket } from '../web-socket/offer.ts';

/**
 * Refuses requests with a session cookie that a page of another site could have brought about. `SameSite=Strict` alone would let
 * through what pages of the same site do (RFC 6265bis section 8.8.1), such as those of another port of localhost.
 *  - A method with effects has the field `Portico-CSRF: 1`: only scripts can add it, and those of other origins would have to
 *    ask first (Fetch, "CORS-preflight fetch"), which nobody answers.
 *  - A read has it too, or the browser says that it comes from our own pages, or it is the load of a page.
 *  - A WebSocket comes from exactly one of these origins.
 * @throws Problem `forbidden`
 */
export function refuseForgery(req: IncomingMessage, webSocketOrigins: readonly string[]): void {
  if (req.headers.upgrade !== undefined && asksForWebSocket(req)) {
    if (webSocketOrigins.includes(req.headers.origin ?? '')) return;
    throw new Problem('forbidden', 'With a session, a WebSocket is opened by our own pages only.');
  }
  if (req.headers['portico-csrf'] === '1') return;
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  if (isRead && (req.headers['sec-fetch-site'] === 'same-origin' || isPageLoad(req))) return;
  throw new Problem('forbidden', 'With a session, this request needs the field "Portico-CSRF: 1".');
}

/** What somebody sees as a page, and not what a script, frame or image of one asks for (Fetch Metadata). */
function isPageLoad({ headers }: IncomingMessage): boolean {
  return (
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document' &&
    !/\btext\/event-stream\b/i.test(headers.accept ?? '')
  );
}
