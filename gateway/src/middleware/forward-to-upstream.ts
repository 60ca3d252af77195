import { contextOf } from '@portico/runtime/http-app.ts';
import type { RequestHandler, Response } from 'express';
import { toRequestFields } from '../forward/request-fields.ts';
import { bringsSession } from '../session/use-session.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { offerOf } from '../web-socket/admit-web-socket.ts';
import type { WebSocketOffer } from '../web-socket/offer.ts';
import type { OpenWebSockets } from '../web-socket/open-web-sockets.ts';
import type { WebSocketOutgoing } from '../web-socket/write-switch.ts';
import { routeOf } from './choose-route.ts';

/** Sends the request to its route's upstream, and the answer back. */
export function forwardToUpstream(
  upstreams: ReadonlyMap<string, Upstream>,
  viaName: string,
  openWebSockets: OpenWebSockets,
): RequestHandler {
  return (req, res, next) => {
    const route = routeOf(res);
    const upstream = upstreams.get(route.upstream ?? '');
    if (upstream === undefined)
      throw new Error(`${route.path} goes to ${route.upstream}, which is not there`);
    const context = contextOf(res);
    const offer = offerOf(res);
    const fields = toRequestFields(req, { route, context, viaName, offer });
    const { requestId } = context;
    const webSocket = offer === undefined ? undefined : toWebSocket(offer, res, openWebSockets);
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
      // Who sends the token as a field keeps it.
      keepsConsistency: route.consistency === 'cookie' && req.headers['portico-consistency'] === undefined,
      isPrivate: req.headers.authorization !== undefined || bringsSession(res),
      webSocket,
    };
    upstream.forward(req, res, outgoing, next);
  };
}

function toWebSocket(offer: WebSocketOffer, res: Response, open: OpenWebSockets): WebSocketOutgoing {
  const maxOpenMs = routeOf(res).webSocket?.maxOpenMs;
  return { offer, maxOpenMs, opened: (leave) => open.opened(res, leave) };
}
