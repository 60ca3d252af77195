import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Turns } from './answer-in-turn.ts';
import { lingerAndClose } from './linger-and-close.ts';

/** The connection of a request that asks for a WebSocket. Nothing that comes on it is read as a request any more. */
export interface Handshake {
  readonly socket: Socket;
  /** Gives what the client has sent behind its request, and leaves the connection to the caller. */
  readonly takeOver: () => Buffer;
}

/** So much may come behind a handshake before it is answered; more waits in the connection. */
const maxEarlyBytes = 16_384;

const handshakeKey = Symbol('handshake');
type WithHandshake = IncomingMessage & { [handshakeKey]?: Handshake };

/** The handshake that a request begins; undefined when it is a request like others. */
export function handshakeOf(req: IncomingMessage): Handshake | undefined {
  return (req as WithHandshake)[handshakeKey];
}

/**
 * Whether a connection is taken from Node's parser for a request: it asks for a WebSocket (RFC 6455 section 4.1), has no
 * body, expects nothing, and everything before it on the connection is answered. Any other is a request like others.
 */
export function beginsHandshake(req: IncomingMessage, { latestTurn }: Turns): boolean {
  const { headers } = req;
  return (
    req.method === 'GET' &&
    req.httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined &&
    (latestTurn(req.socket)?.res.closed ?? true)
  );
}

/**
 * Has handshakes answered by `handler`, as every request. After any answer but 101 the connection is ended; one that is
 * switched belongs to whoever took it over, and ends at the latest with `server.closeAllConnections()`.
 */
export function answerHandshakes(server: Server, handler: RequestListener): void {
  const taken = new Set<Socket>();
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    taken.add(socket);
    socket.once('close', () => taken.delete(socket));
    // Set by Node for the time between two requests.
    socket.setTimeout(0);
    const res = answerOn(socket, req);
    (req as WithHandshake)[handshakeKey] = { socket, takeOver: holdEarlyBytes(socket, head, res) };
    handler(req, res);
  });
  // Node doesn't count them any more.
  const closeOthers = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    closeOthers();
    for (const socket of taken) socket.destroy();
  };
}

/** An answer on a connection that Node has let go of: what its server would tell an answer is told here. */
function answerOn(socket: Socket, req: IncomingMessage): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  socket.on('error', () => {});
  socket.on('drain', () => res.emit('drain'));
  socket.on('timeout', () => res.emit('timeout'));
  res.once('finish', () => {
    if (res.statusCode === 101) return;
    res.detachSocket(socket);
    lingerAndClose(socket);
    process.nextTick(() => res.emit('close'));
  });
  return res;
}

/** Keeps what comes before the answer. It is read, as nobody would notice that the client has gone otherwise. */
function holdEarlyBytes(socket: Socket, head: Buffer, res: ServerResponse): () => Buffer {
  const pieces = [head];
  let size = head.length;
  const keep = (bytes: Buffer) => {
    // Behind another answer than 101 nothing has a meaning.
    if (res.writableEnded) return;
    pieces.push(bytes);
    size += bytes.length;
    if (size > maxEarlyBytes) socket.pause();
  };
  const gone = () => {
    if (!res.writableEnded) socket.destroy();
  };
  socket.on('data', keep).once('end', gone);
  return () => {
    socket.off('data', keep).off('end', gone);
    return Buffer.concat(pieces);
  };
}
