import type { JsonSchema, OpenApiDocument } from '@portico/contracts/openapi.ts';
import { describeMembers } from './describe-schema.ts';
import { html, type Markup } from './markup.ts';
import { renderText } from './render-text.ts';
import { toJsonText } from './to-json-text.ts';

/** A table of rows whose first cell names the row. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly [name: Markup, ...cells: (Markup | string | number)[]])[],
): Markup {
  const body = rows.map(
    ([name, ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  );
  return html`<div class="wide"><table>
    <thead><tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
    <tbody>${body}</tbody>
  </table></div>`;
}

/** A value as JSON. */
export function renderExample(example: unknown): Markup {
  return html`<pre><code>${toJsonText(example)}</code></pre>`;
}

/** What each member of a body means, folded away. */
export function renderMembers(schema: JsonSchema, document: OpenApiDocument): Markup {
  const members = describeMembers(schema, document);
  return html`<details><summary>What each member means</summary>
    ${renderTable(
      ['Member', 'Type', 'Meaning'],
      members.map(({ path, type, description }) => [
        html`<code>${path}</code>`,
        type,
        renderText(description),
      ]),
    )}
  </details>`;
}
