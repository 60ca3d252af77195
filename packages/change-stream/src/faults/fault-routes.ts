import { Problem } from '@portico/runtime/problems.ts';
import express, { Router } from 'express';
import type { FaultDesk, Resolution } from './fault-desk.ts';

/**
 * For operators: `GET /event-faults`, `GET /event-faults/{id}`, and `POST /event-faults/{id}/resubmit` or `/discard`, with any JSON
 * object, which answer with what came of it.
 */
export function createFaultRoutes(desks: readonly FaultDesk[]): Router {
  const router = Router();
  router.get('/event-faults', async (_req, res) => {
    res.json({ items: (await Promise.all(desks.map((desk) => reached(desk.list())))).flat() });
  });
  router.get('/event-faults/:id', async (req, res) => {
    res.json(await ofOne(desks, (desk) => desk.show(req.params.id)));
  });
  const resolve = (word: string, work: (desk: FaultDesk, id: string) => Promise<Resolution | undefined>) =>
    // A page in the operator's browser can't send this type to another origin.
    router.post(`/event-faults/:id/${word}`, express.json({ limit: '1kb' }), async (req, res) => {
      if (req.body === undefined) throw new Problem('invalid-request', 'Expected a JSON object, such as {}.');
      res.json(await ofOne(desks, (desk) => work(desk, req.params.id)));
    });
  resolve('resubmit', (desk, id) => desk.resubmit(id));
  resolve('discard', (desk, id) => desk.discard(id));
  return router;
}

/** An id is of one consumer. @throws Problem when it is of none */
async function ofOne<Value>(
  desks: readonly FaultDesk[],
  ask: (desk: FaultDesk) => Promise<Value | undefined>,
): Promise<Value> {
  for (const desk of desks) {
    const found = await reached(ask(desk));
    if (found !== undefined) return found;
  }
  throw new Problem('not-found', 'No open fault has this id: GET /event-faults lists them.');
}

async function reached<Value>(answer: Promise<Value>): Promise<Value> {
  try {
    return await answer;
  } catch (cause) {
    throw new Problem('unavailable', 'What keeps the faults can not be reached at the moment.', { cause });
  }
}
