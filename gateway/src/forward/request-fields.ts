import type { IncomingMessage } from 'node:http';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { Route } from '../table/route-table.ts';
import { toOfferFields, type WebSocketOffer } from '../web-socket/offer.ts';
import type { Scheme } from './client-scheme.ts';
import { tokenOfCookie } from './consistency-cookie.ts';
import { namedByConnection } from './hop-by-hop.ts';

export interface RequestFieldsOptions {
  readonly route: Pick<Route, 'auth' | 'consistency' | 'requestFields' | 'timeoutMs'>;
  readonly context: Pick<RequestContext, 'identity' | 'isUserUnknown' | 'requestId' | 'traceparent'>;
  readonly viaName: string;
  /** By which the client comes. */
  readonly scheme: Scheme;
  readonly offer?: WebSocketOffer | undefined;
}

/** So much of a route's time is kept for the way of the upstream's answer, so that its own "too late" comes first. */
const wayBackMs = 100;

/** What an upstream is told that it has of the time that is left, in milliseconds. */
export function toUpstreamTimeout(leftMs: number): string {
  return String(Math.max(1, leftMs - wayBackMs));
}

/** Those of the fields that are passed on whose lines may be joined to one (RFC 9110 section 5.3). */
const listFields = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'if-none-match',
]);

/**
 * The fields of the request to the upstream: the client's own that the route names, and what the gateway itself knows
 * of the request. Nothing else of what the client sent goes on.
 * @throws Problem `invalid-request` when a field that has one value comes twice
 */
export function toRequestFields(
  req: IncomingMessage,
  { route, context, viaName, scheme, offer }: RequestFieldsOptions,
): Record<string, string> {
  const fields = passedOn(req, route.requestFields);
  // Where the gateway knows users, other credentials than the ones that it has verified go no further.
  if (route.auth !== 'none') {
    if (context.identity === undefined) delete fields.authorization;
    else fields.authorization = `Bearer ${context.identity.token}`;
  }
  if (context.isUserUnknown) fields['portico-user'] = 'unknown';
  if (route.consistency === 'cookie') takeTokenOfCookie(fields, req);
  setFraming(fields, req);
  fields['x-request-id'] = context.requestId;
  setTrace(fields, req, context.traceparent);
  fields['portico-timeout-ms'] = toUpstreamTimeout(route.timeoutMs);
  fields.via = `${req.httpVersion} ${viaName}`;
  fields['x-forwarded-for'] = peerAddress(req);
  fields['x-forwarded-proto'] = scheme;
  if (req.headers.host) fields['x-forwarded-host'] = req.headers.host;
  return offer === undefined ? fields : Object.assign(fields, toOfferFields(offer));
}

/** What the client says itself counts. Nothing else of its cookies goes on. */
function takeTokenOfCookie(fields: Record<string, string>, req: IncomingMessage): void {
  const token = fields['portico-consistency'] ?? tokenOfCookie(req);
  if (token !== undefined) fields['portico-consistency'] = token;
}

/** Without the prefix that an IPv4 address has where both kinds are listened for (RFC 4291 section 2.5.5.2). */
function peerAddress({ socket: { remoteAddress = 'unknown' } }: IncomingMessage): string {
  return remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress;
}

function passedOn(req: IncomingMessage, named: ReadonlySet<string>): Record<string, string> {
  const { headers, rawHeaders } = req;
  const hopByHop = namedByConnection(headers.connection);
  const fields: Record<string, string> = {};
  const names = Object.keys(headers);
  // Each came once, as nearly always.
  if (2 * names.length === rawHeaders.length) {
    for (const name of names)
      if (named.has(name) && !hopByHop?.has(name)) fields[name] = headers[name] as string;
    return fields;
  }
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    if (!named.has(name) || hopByHop?.has(name)) continue;
    const value = rawHeaders[index + 1] as string;
    const earlier = fields[name];
    if (earlier !== undefined && !listFields.has(name)) throw givenTwice(name);
    fields[name] = earlier === undefined ? value : `${earlier}, ${value}`;
  }
  return fields;
}

function givenTwice(name: string): Problem {
  return new Problem('invalid-request', `The field ${name} may be given only once.`);
}

/** A body's length is passed on; without one Node sends chunks, which is right for a body that came in chunks. */
function setFraming(fields: Record<string, string>, req: IncomingMessage): void {
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
  if (coding !== undefined || req.method === 'GET' || req.method === 'HEAD') return;
  fields['content-length'] = length ?? '0';
}

/** `tracestate` belongs to the trace that it came with (W3C Trace Context level 1, section 3.3). */
function setTrace(fields: Record<string, string>, req: IncomingMessage, traceparent: string): void {
  const { traceparent: received, tracestate } = req.headers;
  fields.traceparent = traceparent;
  const sameTrace = typeof received === 'string' && received.slice(0, 36) === traceparent.slice(0, 36);
  if (sameTrace && tracestate !== undefined) fields.tracestate = String(tracestate);
}
