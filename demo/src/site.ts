import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Problem, sendProblem, toProblem } from '@portico/runtime/problems.ts';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { productImage } from './product-image.ts';
import type { ProcessReport } from './status.ts';

const pageDir = fileURLToPath(new URL('site/', import.meta.url));

/** The start page, what it shows, and the pictures of the demo's products. The gateway routes to it. */
export function createSite(report: () => Promise<readonly ProcessReport[]>): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/', (_req, res) => res.sendFile('index.html', { root: pageDir }));
  app.use('/site', express.static(pageDir, { index: false, redirect: false }));
  app.get('/status.json', async (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ processes: await report() });
  });
  app.get('/images/:category/:product.svg', ({ params }, res) => {
    const image = productImage(params.category, params.product);
    if (image === undefined) throw new Problem('not-found', 'No product picture has this path.');
    // A picture follows from its path alone.
    res.set('Cache-Control', 'public, max-age=31536000, immutable').type('image/svg+xml').send(image);
  });
  app.use(() => {
    throw new Problem('not-found', 'No page has this path.');
  });
  app.use(((error, _req, res, _next) =>
    sendProblem(res, toProblem(error), undefined)) as ErrorRequestHandler);
  return app;
}

/** Serves `site` on a free port of 127.0.0.1; gives its URL. */
export function serveSite(site: Express): Promise<string> {
  const server = createServer(site);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}
