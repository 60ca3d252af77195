import type { OpenApiDocument, OpenApiParameter, operationsOf } from '@portico/contracts/openapi.ts';
import { exampleOf } from './describe-schema.ts';

export type DocumentedOperation = ReturnType<typeof operationsOf>[number];

/**
 * A command that calls an operation: with its path parameters by their examples, and those query parameters that have
 * an example of their own; as a user where it takes one; with the header fields that it needs, and a body by its examples.
 */
export function toCurl(
  { path, method, operation }: DocumentedOperation,
  document: OpenApiDocument,
  origin: string,
): string {
  const { parameters = [] } = operation;
  const exampleText = ({ schema }: OpenApiParameter) => String(exampleOf(schema, document));
  const inPath = new Map(parameters.map((parameter) => [parameter.name, exampleText(parameter)]));
  const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => inPath.get(name) ?? name);
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.schema.examples !== undefined)
    .map((parameter) => `${parameter.name}=${exampleText(parameter)}`);
  const search = query.length === 0 ? '' : `?${query.join('&')}`;
  return `curl -i --compressed '${origin}${target}${search}'${toOptions(method, operation, document)}`;
}

/** Everything of the command but the address. */
function toOptions(
  method: string,
  { security, parameters = [], requestBody }: DocumentedOperation['operation'],
  document: OpenApiDocument,
): string {
  const who = security?.[0].bearer.includes('operator') ? 'root' : 'ada';
  const needed = parameters.filter((parameter) => parameter.in === 'header' && parameter.required);
  const schema = requestBody?.content['application/json']?.schema;
  return [
    ...(method === 'get' ? [] : [` -X ${method.toUpperCase()}`]),
    ...(security === undefined ? [] : [` -H "authorization: Bearer $(npx portico token ${who})"`]),
    ...needed.map(({ name, schema }) => ` -H '${name}: ${String(exampleOf(schema, document))}'`),
    ...(schema === undefined ? [] : [` --json '${JSON.stringify(exampleOf(schema, document))}'`]),
  ].join('');
}
