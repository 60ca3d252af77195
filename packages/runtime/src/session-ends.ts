import { type SessionEnded, sessionEnded } from '@portico/contracts/events/session-ended.ts';
import express, { Router } from 'express';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { Problem } from './problems.ts';

const batch = Compile(Type.Array(sessionEnded, { maxItems: 1_000 }));
const mediaType = 'application/cloudevents-batch+json';

/**
 * `POST /session-ends`: of which users the gateway has ended a session, as CloudEvents. What is kept for these users alone is
 * dropped: it is made anew for whoever has another session. Only what is inside can ask this, as no route leads here.
 * @param dropOf drops what is kept for one user
 */
export function takeSessionEnds(dropOf: (subject: string) => void): Router {
  const router = Router();
  router.post('/session-ends', express.json({ type: mediaType, limit: '1mb' }), (req, res) => {
    if (req.is(mediaType) === false) throw new Problem('unsupported-media-type', `Send ${mediaType}.`);
    const [error] = batch.Errors(req.body);
    if (error !== undefined) {
      const where = error.instancePath || 'the body';
      throw new Problem(
        'invalid-request',
        `Expected ends of sessions as CloudEvents: ${where} ${error.message}.`,
      );
    }
    for (const { subject } of req.body as SessionEnded[]) dropOf(subject);
    res.status(204).end();
  });
  return router;
}
