import type { RequestHandler } from 'express';

/** Runs steps in their order as one middleware: the router's work between two middlewares is more than most steps'. */
export function asOneMiddleware(steps: readonly RequestHandler[]): RequestHandler {
  return (req, res, done) => {
    let index = 0;
    const next: typeof done = (error?: unknown) => {
      const step = error === undefined ? steps[index++] : undefined;
      if (step === undefined) done(error);
      else step(req, res, next);
    };
    next();
  };
}
