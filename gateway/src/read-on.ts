import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';

/** How long the rest of a body may take to arrive once its answer is sent. */
const readOnMs = 2_000;

/**
 * To be called before an answer is written: has the connection read on for a moment when the request's body is still
 * arriving. To close it at once would reset it, and a client that is still sending would lose its answer (RFC 9112
 * section 9.6).
 */
export function readOnAfterAnswer(req: IncomingMessage, res: ServerResponse): void {
  if (req.complete) return;
  const keepsAlive = res.shouldKeepAlive;
  res.shouldKeepAlive = true;
  res.once('finish', () => {
    const { socket } = req;
    const timer = setTimeout(() => socket.destroy(), readOnMs);
    const finish = () => {
      clearTimeout(timer);
      req.off('end', finish);
      socket.off('close', finish);
      if (!keepsAlive) socket.destroySoon();
    };
    socket.once('close', finish);
    if (req.readableEnded) finish();
    else req.once('end', finish).resume();
  });
}

/** The same for every refusal and failure. */
export const readOnAfterRefusal: ErrorRequestHandler = (error, req, res, next) => {
  readOnAfterAnswer(req, res);
  next(error);
};
