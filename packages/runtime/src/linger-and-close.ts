import type { Socket } from 'node:net';

/** How long a client may take to read its last answer and end the connection. */
const lingerMs = 2_000;

/**
 * Ends our side of a connection, and throws away for a moment what still arrives: to close it at once would reset it
 * when there is something unread, and the client would lose its answer (RFC 9112 section 9.6).
 */
export function lingerAndClose(socket: Socket): void {
  if (socket.destroyed || socket.writableEnded) return;
  socket.end();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer)).resume();
}
