import { answerHeaders } from '@portico/runtime/answer-headers.ts';
import { contextOf } from '@portico/runtime/http-app.ts';
import type { Answer } from '@portico/runtime/openapi-types.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { ErrorRequestHandler, Response } from 'express';
import type { PartName } from './part.ts';
import { writeRepresentation } from './write-representation.ts';

const cacheName = 'portico-mobile';

/**
 * The answer with a whole screen. Everybody may see the catalogue, so any cache may keep it, but prices and stock change
 * at any moment: it has to ask first each time, and mostly hears 304. A screen with parts missing is
 * not kept, nor is one for somebody whose token was sent.
 */
export function screenAnswer<Screen extends object>(
  screen: Screen & { readonly degraded?: readonly PartName[] },
  context: RequestContext,
): Answer<Screen> {
  const { degraded } = screen;
  if (degraded !== undefined) context.log.warn({ degraded }, 'answered without a part');
  return {
    body: screen,
    headers: {
      'Cache-Control': cacheControl(degraded, context),
      ...answerHeaders(cacheName, context),
    },
  };
}

function cacheControl(degraded: readonly PartName[] | undefined, { identity }: RequestContext): string {
  if (identity !== undefined) return 'private, no-store';
  return degraded === undefined ? 'no-cache' : 'no-store';
}

/** Writes such an answer, or 304 where the client has it. */
export function writeScreen(res: Response, { body }: Answer<unknown>): void {
  writeRepresentation(res, 'application/json; charset=utf-8', JSON.stringify(body));
}

/** Lets problems say, too, what calls they took. Express tells error handlers from others by their four parameters. */
export const describeFailure: ErrorRequestHandler = (error, _req, res, next) => {
  for (const [name, value] of Object.entries(answerHeaders(cacheName, contextOf(res))))
    res.setHeader(name, value);
  next(error);
};
