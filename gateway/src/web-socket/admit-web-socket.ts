import type { IncomingMessage } from 'node:http';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler, Response } from 'express';
import { routeOf } from '../middleware/choose-route.ts';
import { asksForWebSocket, readOffer, type WebSocketOffer } from './offer.ts';
import type { OpenWebSockets } from './open-web-sockets.ts';

/**
 * Lets a handshake through where its route takes WebSockets, from origins that may open one, while there is room.
 * @param publicUrl the gateway's own origin, where it is told: behind the end of TLS it can't be known otherwise
 */
export function admitWebSocket(open: OpenWebSockets, max: number, publicUrl?: string): RequestHandler {
  return (req, res, next) => {
    if (req.headers.upgrade === undefined || !asksForWebSocket(req)) {
      next();
      return;
    }
    // What comes behind it can be anything.
    res.setHeader('Connection', 'close');
    const { webSocket } = routeOf(res);
    if (webSocket === undefined) {
      throw new Problem('not-supported', 'There are no WebSockets here.');
    }
    const offer = readOffer(req);
    checkOrigin(req, publicUrl === undefined ? webSocket.origins : [...webSocket.origins, publicUrl]);
    if (!open.admit(res, max)) {
      throw new Problem('unavailable', 'There is no room for a further WebSocket at the moment.', {
        headers: { 'Retry-After': '5' },
      });
    }
    res.locals.webSocketOffer = offer;
    next();
  };
}

/** What was asked for by the request that `res` answers, if it is a WebSocket. */
export function offerOf(res: Response): WebSocketOffer | undefined {
  return res.locals.webSocketOffer;
}

/**
 * A page of any origin may open a WebSocket, with the cookies of its user (RFC 6455 section 10.2): browsers say which one
 * it is, and others have no page and no such field.
 */
function checkOrigin({ headers }: IncomingMessage, origins: readonly string[]): void {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes(origin)) return;
  if (host !== undefined && origin === ownOrigin(host)) return;
  throw new Problem('forbidden', 'Pages of this origin may not open WebSockets here.');
}

/** RFC 6454 section 6.2: in lower case, without the port that is meant anyway. */
function ownOrigin(host: string): string {
  return `http://${host.toLowerCase().replace(/:0*80$/, '')}`;
}
