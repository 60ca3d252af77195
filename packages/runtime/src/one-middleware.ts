import type { RequestHandler } from 'express';

/**
 * Runs steps in their order as one middleware: the router's work between two middlewares is more than most steps'. What a
 * step throws, at once or later, ends the row as an error.
 */
export function asOneMiddleware(steps: readonly RequestHandler[]): RequestHandler {
  return (req, res, done) => {
    let index = 0;
    const next: typeof done = (error?: unknown) => {
      const step = error === undefined ? steps[index++] : undefined;
      if (step === undefined) {
        done(error);
        return;
      }
      const running: unknown = step(req, res, next);
      if (running instanceof Promise) running.catch(done);
    };
    next();
  };
}
