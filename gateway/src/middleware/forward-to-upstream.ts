import { contextOf } from '@portico/runtime/http-app.ts';
import type { RequestHandler, Response } from 'express';
import { clientScheme } from '../forward/client-scheme.ts';
import { toRequestFields } from '../forward/request-fields.ts';
import type { SessionStreams } from '../session/session-streams.ts';
import { bringsSession, sessionIdOf } from '../session/use-session.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { offerOf } from '../web-socket/admit-web-socket.ts';
import type { WebSocketOffer } from '../web-socket/offer.ts';
import type { OpenWebSockets } from '../web-socket/open-web-sockets.ts';
import type { WebSocketOutgoing } from '../web-socket/write-switch.ts';
import { routeOf } from './choose-route.ts';

/**
 * Sends the request to its route's upstream, and the answer back.
 * @param publicUrl where browsers reach the gateway, as far as that is said
 */
export function forwardToUpstream(
  upstreams: ReadonlyMap<string, Upstream>,
  viaName: string,
  openWebSockets: OpenWebSockets,
  sessionStreams?: SessionStreams,
  publicUrl?: string,
): RequestHandler {
  return (req, res, next) => {
    const route = routeOf(res);
    const upstream = upstreams.get(route.upstream ?? '');
    if (upstream === undefined)
      throw new Error(`${route.path} goes to ${route.upstream}, which is not there`);
    const context = contextOf(res);
    const offer = offerOf(res);
    const scheme = clientScheme(req, publicUrl);
    const fields = toRequestFields(req, { route, context, viaName, scheme, offer });
    // Who sends the token as a field keeps it.
    const keepsToken = route.consistency === 'cookie' && req.headers['portico-consistency'] === undefined;
    const { requestId } = context;
    const sessionId = sessionIdOf(res);
    const opened =
      sessionId === undefined ? undefined : (end: () => void) => sessionStreams?.opened(sessionId, res, end);
    const webSocket = offer === undefined ? undefined : toWebSocket(offer, res, openWebSockets, opened);
    const { timeoutMs, firstByteTimeoutMs, idleTimeoutMs, maxBodyBytes, answerFields } = route;
    const outgoing = {
      route: route.path,
      requestId,
      fields,
      timeoutMs,
      firstByteTimeoutMs,
      idleTimeoutMs,
      maxBodyBytes,
      answerFields,
      consistencyCookie: keepsToken ? scheme : undefined,
      // Cut off, so that it doesn't look complete.
      beganStream: opened && (() => opened(() => res.destroy())),
      isPrivate: req.headers.authorization !== undefined || bringsSession(res),
      webSocket,
    };
    upstream.forward(req, res, outgoing, next);
  };
}

function toWebSocket(
  offer: WebSocketOffer,
  res: Response,
  open: OpenWebSockets,
  opened: ((end: () => void) => void) | undefined,
): WebSocketOutgoing {
  const maxOpenMs = routeOf(res).webSocket?.maxOpenMs;
  return {
    offer,
    maxOpenMs,
    opened: (leave) => {
      open.opened(res, leave);
      opened?.(leave);
    },
  };
}
