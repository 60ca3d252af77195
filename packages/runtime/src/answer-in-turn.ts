import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** So many requests may wait on one connection; it is read on when there are fewer. */
const maxWaiting = 100;

interface Connection {
  latest: Turn;
  waiting: number;
}

/** The last request that arrived on a connection, and its answer. */
export interface Turn {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** The requests of every connection, one at a time. */
export interface Turns {
  /** A listener that runs `handler` for a request when the one before it on its connection has been answered. */
  readonly inTurn: (handler: RequestListener) => RequestListener;
  /** The last request that has arrived on a connection. */
  readonly latestTurn: (socket: Socket) => Turn | undefined;
}

/**
 * Node begins a pipelined request while the one before it is at work. Requests with an effect would run at the same time
 * (RFC 9112 section 9.3.2), and those behind an answer that ends the connection would run though nobody is told.
 */
export function createTurns(): Turns {
  // Of each server its own, as a socket may be handed on. In a WeakMap all would outlive their connections by a while.
  const turnsOf = Symbol('turns');
  type WithTurns = Socket & { [turnsOf]?: Connection };

  return {
    inTurn: (handler) => (req, res) => {
      const socket: WithTurns = req.socket;
      const connection = socket[turnsOf];
      if (connection === undefined) socket[turnsOf] = { latest: { req, res }, waiting: 0 };
      else if (connection.latest.res.closed) connection.latest = { req, res };
      if (connection === undefined || connection.latest.res === res) {
        if (socket.writable) handler(req, res);
        return;
      }
      const before = connection.latest.res;
      connection.latest = { req, res };
      connection.waiting += 1;
      if (connection.waiting === maxWaiting) socket.pause();
      before.once('close', () => {
        connection.waiting -= 1;
        if (connection.waiting === maxWaiting - 1) socket.resume();
        // After an answer that ended the connection it can't be written to.
        if (socket.writable) handler(req, res);
      });
    },
    latestTurn: (socket: WithTurns) => socket[turnsOf]?.latest,
  };
}
