import type { IncomingMessage } from 'node:http';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler } from 'express';
import { namedByConnection } from '../forward/hop-by-hop.ts';

/** Node reads no field beyond the hundredth, so a request that reaches it may say more than can be seen here. */
const maxFields = 99;
const hostField = /^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;
const maxPort = 65_535;
/** Fields that are meant for whoever answers, or that the gateway sets: nobody may have them taken off on the way. */
const notHopByHop =
  /^(?:host|content-.*|transfer-encoding|authorization|cookie|cache-control|origin|sec-websocket-.*|via|forwarded|x-forwarded-.*|x-request-id|trace(?:parent|state)|portico-.*)$/;

/**
 * Refuses heads that parts behind the gateway could read in another way, and what the gateway doesn't do.
 * @param viaName this instance's name in `Via`
 */
export function refuseHead(viaName: string): RequestHandler {
  return (req, res, next) => {
    const refusal = findRefusal(req, viaName);
    if (refusal === undefined) {
      next();
      return;
    }
    // What follows such a head on the connection can't be trusted either.
    res.setHeader('Connection', 'close');
    throw refusal;
  };
}

function findRefusal(req: IncomingMessage, viaName: string): Problem | undefined {
  const { headers, rawHeaders } = req;
  if (rawHeaders.length > 2 * maxFields) {
    return new Problem('fields-too-large', `A request may have ${maxFields} header fields.`);
  }
  if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0') return invalid('Only HTTP/1.1 is spoken here.');
  if (!isHost(headers.host)) return invalid('The Host field is not a host and port.');
  if (comesTwice('host', rawHeaders)) return invalid('The field Host may be given only once.');
  for (const name of namedByConnection(headers.connection) ?? []) {
    if (notHopByHop.test(name)) return invalid(`The field ${name} is not one that Connection may name.`);
  }
  if (headers.via?.includes(viaName)) return invalid('The request has been through this gateway already.');
  return headers['transfer-encoding'] === undefined ? undefined : findFramingRefusal(req);
}

/** In HTTP/1.0 there may be none; the server has refused HTTP/1.1 without one. */
function isHost(host: string | undefined): boolean {
  if (host === undefined) return true;
  const match = hostField.exec(host);
  return match !== null && Number(match[1] ?? 0) <= maxPort;
}

function comesTwice(name: string, rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const raw = rawHeaders[index] as string;
    if (raw.length === name.length && raw.toLowerCase() === name) count += 1;
  }
  return count > 1;
}

/** RFC 9112 sections 6.1 and 6.3: codings that aren't understood, and chunks in HTTP/1.0, can't be framed. */
function findFramingRefusal(req: IncomingMessage): Problem | undefined {
  const coding = req.headers['transfer-encoding']?.toLowerCase() ?? '';
  if (!/(?:^|[\t ,])chunked$/.test(coding)) return invalid('The last Transfer-Encoding has to be "chunked".');
  if (coding !== 'chunked') {
    return new Problem('not-supported', 'The only Transfer-Encoding that is understood is "chunked".');
  }
  return req.httpVersion === '1.0' ? invalid('HTTP/1.0 has no Transfer-Encoding.') : undefined;
}

function invalid(detail: string): Problem {
  return new Problem('invalid-request', detail);
}
