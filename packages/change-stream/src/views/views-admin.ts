import { Problem } from '@portico/runtime/problems.ts';
import express, { type Response, Router } from 'express';
import { createFaultRoutes } from '../faults/fault-routes.ts';
import type { LiveView } from './live-view.ts';
import { RebuildRefused } from './rebuild-view.ts';
import { HistoryDamaged } from './record-history.ts';

/** A line of what `POST /views/{view}/rebuild` answers: the last one is a problem or the end. */
export type RebuildNews =
  | { readonly records: number; readonly of: number }
  | { readonly position: { readonly epoch: string; readonly number: number }; readonly seconds: number }
  | { readonly problem: string };

/** News come at least so often, in milliseconds, so that who waits for them notices that nobody is there. */
const tellEveryMs = 1_000;

/**
 * What a process lets its operators do with its views, beside their faults (`createFaultRoutes`): `POST /views/{view}/rebuild`, with any JSON object, tells in lines of
 * JSON how far it is. It ends, and nothing has changed, when whoever asked for it leaves.
 * @param views by the name that they have in a BFF, such as `orders`
 */
export function createViewsAdmin(
  views: Readonly<Record<string, Pick<LiveView<never>, 'faults' | 'rebuild'>>>,
): Router {
  const underWay = new Set<string>();
  const router = Router();
  router.use(createFaultRoutes(Object.values(views).map(({ faults }) => faults)));
  // A page in the operator's browser can't send this type to another origin.
  router.post('/views/:view/rebuild', express.json({ limit: '1kb' }), async (req, res) => {
    const { view: name } = req.params;
    const view = Object.hasOwn(views, name) ? views[name] : undefined;
    if (view === undefined) {
      const known = Object.keys(views).join(', ') || 'none: it has no HUB_URL';
      throw new Problem(
        'not-found',
        `There is no view ${JSON.stringify(name)} here; the views are ${known}.`,
      );
    }
    if (req.body === undefined) throw new Problem('invalid-request', 'Expected a JSON object, such as {}.');
    if (underWay.has(name)) throw new Problem('conflict', 'This view is being rebuilt already.');
    underWay.add(name);
    try {
      await rebuild(view, res);
    } finally {
      underWay.delete(name);
    }
  });
  return router;
}

async function rebuild(view: Pick<LiveView<never>, 'rebuild'>, res: Response): Promise<void> {
  const gone = new AbortController();
  res.once('close', () => gone.abort(new Error('nobody waits for it any more')));
  res.type('application/x-ndjson');
  const tell = (news: RebuildNews) => void res.write(`${JSON.stringify(news)}\n`);
  let progress = { records: 0, of: 0 };
  const telling = setInterval(() => tell(progress), tellEveryMs);
  const start = performance.now();
  try {
    const { position } = await view.rebuild({
      onProgress: (now) => {
        progress = now;
      },
      signal: gone.signal,
    });
    tell(progress);
    const { epoch, number } = position;
    tell({ position: { epoch, number }, seconds: (performance.now() - start) / 1_000 });
  } catch (error) {
    tell({ problem: problemOf(error) });
  } finally {
    clearInterval(telling);
    res.end();
  }
}

function problemOf(error: unknown): string {
  const { message } = error as Error;
  if (error instanceof HistoryDamaged) return `damaged: ${message}`;
  return error instanceof RebuildRefused ? message : `the view was not rebuilt: ${message}`;
}
