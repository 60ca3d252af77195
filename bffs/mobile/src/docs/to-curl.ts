import type { OpenApiDocument, OpenApiParameter, operationsOf } from '@portico/contracts/openapi.ts';
import { exampleOf } from './describe-schema.ts';

export type DocumentedOperation = ReturnType<typeof operationsOf>[number];

/**
 * A command that calls an operation: with its path parameters by their examples, and those query parameters that have
 * an example of their own; as a user where it takes one.
 */
export function toCurl(
  { path, operation }: DocumentedOperation,
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
  const user = operation.security === undefined ? '' : ' -H "authorization: Bearer $(npx portico token ada)"';
  return `curl -i --compressed '${origin}${target}${query.length === 0 ? '' : `?${query.join('&')}`}'${user}`;
}
