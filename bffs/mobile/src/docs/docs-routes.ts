import { readFileSync } from 'node:fs';
import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { type Request, Router } from 'express';
import { writeRepresentation } from '../write-representation.ts';
import { renderDocs } from './render-docs.ts';

const documentPath = '/api/openapi.json';
const pagePath = '/api/docs';
const stylesheetPath = '/api/docs/docs.css';

/** The API's document and the page made of it, both for reading only. */
export function createDocsRouter(document: OpenApiDocument): Router {
  const json = JSON.stringify(document);
  const stylesheet = readFileSync(new URL('./docs.css', import.meta.url), 'utf8');
  const page = (req: Request) =>
    renderDocs(document, { origin: originOf(req), stylesheet: stylesheetPath, document: documentPath });

  const router = Router({ caseSensitive: true, strict: true });
  const serve = (path: string, type: string, read: (req: Request) => string) => {
    const route = router.route(path);
    route.get((req, res) => {
      res.locals.route = path;
      res.setHeader('Cache-Control', 'no-cache');
      writeRepresentation(res, type, read(req));
    });
    route.all((req) => {
      throw new Problem('method-not-allowed', `${req.method} is not allowed here: use GET, HEAD.`, {
        headers: { Allow: 'GET, HEAD' },
      });
    });
  };
  serve(documentPath, 'application/json; charset=utf-8', () => json);
  serve(pagePath, 'text/html; charset=utf-8', page);
  serve(stylesheetPath, 'text/css; charset=utf-8', () => stylesheet);
  return router;
}

/** Where the reader has this page from: what the gateway says it was asked for, or what we were asked for. */
function originOf(req: Request): string {
  const scheme = req.get('x-forwarded-proto') === 'https' ? 'https' : 'http';
  const host = req.get('x-forwarded-host') ?? req.get('host') ?? '';
  return `${scheme}://${/^[\w.-]+(:\d{1,5})?$|^\[[\da-f:]+\](:\d{1,5})?$/i.test(host) ? host : 'localhost:8080'}`;
}
