import { type OpenApiDocument, operationsOf } from '@portico/contracts/openapi.ts';
import { problemTypes } from '@portico/runtime/problems.ts';
import { exampleOf } from './describe-schema.ts';
import { html, type Markup } from './markup.ts';
import { renderOperation } from './render-operation.ts';
import { renderExample, renderMembers, renderTable } from './render-parts.ts';
import { renderText } from './render-text.ts';
import type { DocumentedOperation } from './to-curl.ts';

export interface DocsAddresses {
  /** Where the reader has the API from, for the commands to try: `https://shop.example`. */
  readonly origin: string;
  readonly stylesheet: string;
  readonly document: string;
}

/** The page that explains an API to people, made of its OpenAPI document and the list of problems. */
export function renderDocs(document: OpenApiDocument, addresses: DocsAddresses): string {
  const { title, version, description = '' } = document.info;
  const operations = operationsOf(document);
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="stylesheet" href="${addresses.stylesheet}">
  </head>
  <body>
    <header>
      <h1>${title}</h1>
      <p>Version ${version} · <a href="${addresses.document}">OpenAPI document</a></p>
    </header>
    <div class="columns">
      ${renderNavigation(operations)}
      <main>
        <section class="introduction">${renderText(description)}</section>
        ${operations.map((entry) => renderOperation(entry, document, addresses.origin))}
        ${renderProblems(document)}
      </main>
    </div>
  </body>
</html>
`.markup;
}

function renderNavigation(operations: readonly DocumentedOperation[]): Markup {
  const entries = operations.map(
    ({ path, method, operation }) =>
      html`<li><a href="#${operation.operationId}"><span class="method">${method.toUpperCase()}</span> <code>${path}</code></a></li>`,
  );
  return html`<nav aria-label="Endpoints"><ul>${entries}<li><a href="#problems">Problems</a></li></ul></nav>`;
}

function renderProblems(document: OpenApiDocument): Markup {
  const schema = document.components.schemas.Problem ?? {};
  return html`
    <section id="problems">
      <h2>Problems</h2>
      <p>What is refused or fails is answered with <code>application/problem+json</code> (RFC 9457).</p>
      ${renderExample(exampleOf(schema, document))}
      ${renderMembers(schema, document)}
      ${renderTable(
        ['Type', 'Status', 'Meaning'],
        Object.entries(problemTypes).map(([name, { status, title }]) => [
          html`<code>urn:portico:problem:${name}</code>`,
          status,
          title,
        ]),
      )}
    </section>`;
}
