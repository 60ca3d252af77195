import type { IncomingMessage } from 'node:http';
import { type Handshake, handshakeOf } from '@portico/runtime/handshakes.ts';
import { Problem } from '@portico/runtime/problems.ts';

/** What a client asks for when it opens a WebSocket (RFC 6455 section 4.1). */
export interface WebSocketOffer {
  readonly handshake: Handshake;
  readonly key: string;
  readonly protocols: readonly string[];
  /** The field as it came, and the names in it. */
  readonly extensions: string | undefined;
  readonly extensionNames: readonly string[];
}

/** 16 bytes in base64, the unused bits 0. */
const keyPattern = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const token = "[\\w!#$%&'*+.^`|~-]+";
const tokenList = new RegExp(`^${token}(?:[\\t ]*,[\\t ]*${token})*$`);
/** RFC 6455 section 9.1: parameters have tokens as values, in quotes or not. */
const extension = `${token}(?:[\\t ]*;[\\t ]*${token}(?:[\\t ]*=[\\t ]*(?:${token}|"${token}"))?)*`;
const extensionList = new RegExp(`^${extension}(?:[\\t ]*,[\\t ]*${extension})*$`);

/** Whether a request wants a WebSocket. In HTTP/1.0 an offer to switch means nothing (RFC 9110 section 7.8). */
export function asksForWebSocket({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && /websocket/i.test(headers.upgrade ?? '');
}

/** @throws Problem that says what is wrong with the handshake */
export function readOffer(req: IncomingMessage): WebSocketOffer {
  const { headers } = req;
  const handshake = handshakeOf(req);
  if (handshake === undefined) {
    throw invalid(
      'A WebSocket begins with a GET of HTTP/1.1 that has "Upgrade: websocket" and "Connection: Upgrade", no body and no ' +
        'Expect, when every request before it is answered.',
    );
  }
  // RFC 6455 section 4.4, RFC 9110 section 15.5.22.
  if (headers['sec-websocket-version'] !== '13') {
    throw new Problem('upgrade-required', 'The version of WebSocket that is spoken here is 13.', {
      headers: { 'Sec-WebSocket-Version': '13', Upgrade: 'websocket', Connection: 'close, Upgrade' },
    });
  }
  const key = headers['sec-websocket-key'];
  if (key === undefined || !keyPattern.test(key)) {
    throw invalid('Sec-WebSocket-Key has to be 16 bytes in base64.');
  }
  const protocols = toList(headers['sec-websocket-protocol'], tokenList, 'Sec-WebSocket-Protocol');
  if (new Set(protocols).size < protocols.length) throw invalid('A subprotocol is asked for twice.');
  const extensions = headers['sec-websocket-extensions'];
  const extensionNames = toList(extensions, extensionList, 'Sec-WebSocket-Extensions').map(nameOfExtension);
  return { handshake, key, protocols, extensions, extensionNames };
}

/** The fields by which the upstream is asked for the same. */
export function toOfferFields({ key, protocols, extensions }: WebSocketOffer): Record<string, string> {
  return {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    ...(protocols.length === 0 ? {} : { 'sec-websocket-protocol': protocols.join(', ') }),
    ...(extensions === undefined ? {} : { 'sec-websocket-extensions': extensions }),
  };
}

/** The names of the extensions in a field; undefined when it isn't one. */
export function extensionNamesOf(field: string): string[] | undefined {
  return extensionList.test(field) ? field.split(',').map(nameOfExtension) : undefined;
}

function nameOfExtension(text: string): string {
  return (text.split(';', 1)[0] ?? '').trim();
}

function toList(field: string | undefined, pattern: RegExp, name: string): string[] {
  if (field === undefined) return [];
  if (!pattern.test(field)) throw invalid(`${name} is not a list of what it names.`);
  return field.split(',').map((part) => part.trim());
}

function invalid(detail: string): Problem {
  return new Problem('invalid-request', detail);
}
