import { Problem } from '@portico/runtime/problems.ts';
import { Router } from 'express';
import type { Auth } from './create-auth.ts';

/**
 * `DELETE /sessions/sub/<user>` and `DELETE /sessions/sid/<sign-in at the provider>`, for operators: ends these sessions, in all
 * instances, and says how many there were.
 * @param endSessions of the gateway of this moment
 */
export function createSessionAdmin(endSessions: () => Auth['endSessions'] | undefined): Router {
  const router = Router();
  router.delete('/sessions/:claim/:value', async ({ params: { claim, value } }, res) => {
    const end = endSessions();
    if (end === undefined || (claim !== 'sub' && claim !== 'sid')) {
      throw new Problem('not-found', 'Sessions are ended by sub or sid, where users sign in.');
    }
    res.json({ ended: await end(claim, value) });
  });
  return router;
}
