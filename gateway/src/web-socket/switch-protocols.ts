import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { extensionNamesOf, type WebSocketOffer } from './offer.ts';

/**
 * The fields of the 101 to the client, from that of the upstream's: only what belongs to the handshake.
 * @throws Error when it isn't the answer to `offer` (RFC 6455 section 4.1)
 */
export function toSwitchFields(answer: IncomingMessage, offer: WebSocketOffer): string[] {
  const { statusCode, httpVersion, headers } = answer;
  const refuse = (what: string) => new Error(`the upstream switched protocols ${what}`);
  if (statusCode !== 101 || httpVersion !== '1.1') throw refuse('with another status or version');
  if (headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined) {
    throw refuse('with the length of a body');
  }
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw refuse('to another one than asked for');
  if (!/^(?:.*,)?[\t ]*upgrade[\t ]*(?:,.*)?$/i.test(headers.connection ?? '')) {
    throw refuse('without saying so in Connection');
  }
  const accept = toAccept(offer.key);
  if (headers['sec-websocket-accept'] !== accept) throw refuse('for another key');

  const fields = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Accept', accept];
  const protocol = headers['sec-websocket-protocol'];
  if (protocol !== undefined) {
    if (!offer.protocols.includes(protocol)) throw refuse('with a subprotocol that nobody asked for');
    fields.push('Sec-WebSocket-Protocol', protocol);
  }
  const extensions = headers['sec-websocket-extensions'];
  if (extensions !== undefined) {
    const known = extensionNamesOf(extensions)?.every((name) => offer.extensionNames.includes(name));
    if (known !== true) throw refuse('with an extension that nobody offered');
    fields.push('Sec-WebSocket-Extensions', extensions);
  }
  return fields;
}

/** RFC 6455 section 4.2.2. */
function toAccept(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
