import { createHash, timingSafeEqual } from 'node:crypto';
import type { DeclaredSource } from '@portico/contracts/events/declare-events.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Metrics } from '@portico/runtime/metrics.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import express, { type Express, type RequestHandler } from 'express';
import { readPost } from './posted-events.ts';
import type { SourceInbox } from './source-inbox.ts';

/** A service that posts its events. */
export interface PostingSource {
  readonly source: DeclaredSource;
  /** What only this service knows; for no other source is it worth anything. */
  readonly secret: string;
  readonly inbox: Pick<SourceInbox, 'take'>;
}

export interface EventPostsOptions {
  readonly sources: readonly PostingSource[];
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
}

/** Structured CloudEvents, one or a batch (CloudEvents 1.0 HTTP binding, sections 3.2 and 3.3). */
const mediaTypes = ['application/cloudevents+json', 'application/cloudevents-batch+json'];

/** The largest body that is taken, in bytes. */
const mostBytes = 2 * 1024 * 1024;

/** `POST /events/{source}`: what a service commits, from the service itself. What is answered with 200 is stored. */
export function createEventPosts({ sources, log, metrics, tracing }: EventPostsOptions): Express {
  const byName = new Map(sources.map((posting) => [posting.source.source, posting]));

  const authenticate: RequestHandler = (req, res, next) => {
    const posting = byName.get(String(req.params.source));
    const [, given] = /^Bearer +(\S+) *$/i.exec(req.get('Authorization') ?? '') ?? [];
    // Also where there is nothing to compare with, so that nobody learns which sources there are.
    const isRight = isSame(given ?? '', posting?.secret ?? '');
    if (posting === undefined || given === undefined || !isRight) {
      throw new Problem('unauthenticated', 'Send the secret of this source as a bearer token.', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    }
    res.locals.posting = posting;
    next();
  };

  const checkType: RequestHandler = (req, _res, next) => {
    if (req.is(mediaTypes) === false) {
      throw new Problem('unsupported-media-type', `Send CloudEvents as ${mediaTypes.join(' or ')}.`);
    }
    next();
  };
  const readBody = express.json({ type: mediaTypes, limit: mostBytes, inflate: false });

  const store: RequestHandler = async (req, res) => {
    const { source, inbox } = res.locals.posting as PostingSource;
    if (Array.isArray(req.body) !== (req.is('application/cloudevents-batch+json') !== false)) {
      throw new Problem('invalid-request', 'A batch is a list of events, and nothing else is.');
    }
    const stored = await inbox.take(readPost(source, req.body));
    res.set('Cache-Control', 'no-store').json(stored);
  };

  return createHttpApp({ log, metrics, tracing, timeoutMs: 5_000 }, (app) => {
    app.post('/events/:source', nameRoute, authenticate, checkType, readBody, store);
    app.all('/events/:source', nameRoute, () => {
      throw new Problem('method-not-allowed', 'Events are posted.', { headers: { Allow: 'POST' } });
    });
  });
}

/** For logs and metrics: a name that a stranger can't choose. */
const nameRoute: RequestHandler = (_req, res, next) => {
  res.locals.route = '/events/{source}';
  next();
};

const isSame = (one: string, other: string) => timingSafeEqual(hash(one), hash(other));
const hash = (text: string) => createHash('sha256').update(text).digest();
