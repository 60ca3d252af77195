import { Problem } from '@portico/runtime/problems.ts';
import { Router } from 'express';
import type { Kysely } from 'kysely';
import type { OrdersTables } from '../database.ts';
import { listParked, resumeStep } from './saga-steps.ts';

/** For operators, `GET /sagas/parked` and `POST /sagas/{id}/resume`: the steps that were tried in vain, and another try. */
export function createParkedRoutes(db: Kysely<OrdersTables>, wake: () => void): Router {
  const router = Router();
  router.get('/sagas/parked', async (_req, res) => {
    res.json({ items: await listParked(db) });
  });
  router.post('/sagas/:id/resume', async (req, res) => {
    if (!(await resumeStep(db, req.params.id)))
      throw new Problem('not-found', 'No parked step has this id: GET /sagas/parked lists them.');
    wake();
    res.status(204).end();
  });
  return router;
}
