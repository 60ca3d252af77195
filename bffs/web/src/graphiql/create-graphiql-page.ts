import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import { sampleQueries } from './sample-queries.ts';

/**
 * GraphiQL, the graphical client for GraphQL, as one page that needs nothing from any other site. Its policy allows
 * just what it is made of: the one script that is in it, styles, fonts and images in the page, workers made from it.
 */
export function createGraphiqlPage(): RequestHandler {
  let page: Promise<{ html: string; policy: string }> | undefined;
  return async (_req, res) => {
    page ??= render();
    const { html, policy } = await page;
    res.set({
      'Content-Security-Policy': policy,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    });
    res.vary('Accept').type('html').send(html);
  };
}

async function render() {
  // 9 MB of program text, which only a process that shows the page should load.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Portico GraphQL',
    endpoint: '/graphql',
    // With a session the gateway asks for it, as no page of another origin can send it.
    additionalHeaders: { 'Portico-CSRF': '1' },
    defaultTabs: sampleQueries.map((query) => ({ query })),
  });
  const script = html.slice(html.indexOf('<script>') + '<script>'.length, html.lastIndexOf('</script>'));
  return { html, policy: policyFor(script) };
}

function policyFor(script: string): string {
  const hash = createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    // The editor sets styles from its script, so no list of hashes could name them.
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    'worker-src blob:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
