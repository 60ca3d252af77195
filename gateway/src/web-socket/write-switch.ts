import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocketOffer } from './offer.ts';
import { toSwitchFields } from './switch-protocols.ts';
import { openTunnel } from './tunnel.ts';

export interface WebSocketOutgoing {
  readonly offer: WebSocketOffer;
  /** How long it may last, in milliseconds. */
  readonly maxOpenMs: number | undefined;
  /** @param leave ends the WebSocket, when it has been opened */
  readonly opened: (leave: () => void) => void;
}

interface Switch {
  readonly answer: IncomingMessage;
  readonly socket: Socket;
  /** What came behind the head of the answer. */
  readonly early: Buffer;
}

/**
 * Switches the client's connection as the upstream has switched its own, and passes on what comes from now on.
 * @throws Error when the upstream was not asked to, or not for this; nothing has been written then
 */
export function writeSwitch(
  { answer, socket, early }: Switch,
  res: ServerResponse,
  {
    webSocket,
    requestId,
  }: { readonly webSocket?: WebSocketOutgoing | undefined; readonly requestId: string },
  idleTimeoutMs: number,
): void {
  if (webSocket === undefined) throw new Error('the upstream switched protocols unasked');
  const { offer, maxOpenMs, opened } = webSocket;
  res.writeHead(101, [...toSwitchFields(answer, offer), 'X-Request-Id', requestId]);
  // The head is all of this answer: the rest is no HTTP.
  res.end();
  const { socket: client, takeOver } = offer.handshake;
  const leave = openTunnel({
    client,
    upstream: socket,
    early: { fromClient: takeOver(), fromUpstream: early },
    idleTimeoutMs,
    maxOpenMs,
  });
  opened(leave);
}
