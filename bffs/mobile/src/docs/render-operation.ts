import type { OpenApiDocument, OpenApiOperation, OpenApiResponse } from '@portico/contracts/openapi.ts';
import { resolveReference } from '@portico/runtime/openapi-schema.ts';
import { describeType, exampleOf } from './describe-schema.ts';
import { html, type Markup } from './markup.ts';
import { renderExample, renderMembers, renderTable } from './render-parts.ts';
import { renderLine, renderText } from './render-text.ts';
import { type DocumentedOperation, toCurl } from './to-curl.ts';

/** One operation with its parameters, answers, an example and a line to try it. */
export function renderOperation(
  entry: DocumentedOperation,
  document: OpenApiDocument,
  origin: string,
): Markup {
  const { operationId, summary = operationId, description = '', responses } = entry.operation;
  return html`
    <section id="${operationId}">
      <h2>${summary}</h2>
      <p class="endpoint"><span class="method">${entry.method.toUpperCase()}</span> <code>${entry.path}</code></p>
      ${renderText(description)}
      <h3>Try it</h3>
      <pre class="shell"><code>${toCurl(entry, document, origin)}</code></pre>
      <h3>Parameters</h3>
      ${renderParameters(entry.operation, document)}
      <h3>Answers</h3>
      ${Object.entries(responses).map(([status, answer]) => renderAnswer(status, answer, document))}
    </section>`;
}

function renderParameters({ parameters = [] }: OpenApiOperation, document: OpenApiDocument): Markup {
  return renderTable(
    ['Name', 'Type', 'Meaning'],
    parameters.map((parameter) => [
      html`<code>${parameter.name}</code><small>${parameter.in}${parameter.required ? ', required' : ''}</small>`,
      html`${describeType(parameter.schema, document)}${hint(parameter.schema, document)}`,
      renderText(parameter.description ?? ''),
    ]),
  );
}

/** What a parameter is when it isn't given, or might be when it is. */
function hint(schema: OpenApiDocument['components']['schemas'][string], document: OpenApiDocument) {
  const { default: fallback, examples } = { ...resolveReference(schema, document), ...schema };
  if (fallback !== undefined) return html`<br>default <code>${String(fallback)}</code>`;
  return Array.isArray(examples) ? html`<br>such as <code>${String(examples[0])}</code>` : [];
}

function renderAnswer(
  status: string,
  answer: OpenApiOperation['responses'][string],
  document: OpenApiDocument,
): Markup {
  const { description, content = {} } = resolveReference(answer, document) as OpenApiResponse;
  const schema = content['application/json']?.schema;
  const isProblem = content['application/problem+json'] !== undefined;
  return html`
    <p>
      <span class="status">${status === 'default' ? '4xx, 5xx' : status}</span>
      ${renderLine(description)}${isProblem ? html` See <a href="#problems">problems</a>.` : ''}
    </p>
    ${schema === undefined ? [] : [renderExample(exampleOf(schema, document)), renderMembers(schema, document)]}`;
}
