import { type JsonSchema, type OpenApiDocument, operationsOf } from '@portico/contracts/openapi.ts';
import type { Answer } from '@portico/runtime/openapi-types.ts';
import { composeList, isPaged } from './compose-list.ts';
import { composeOne } from './compose-one.ts';
import { DocumentError } from './document-error.ts';
import { createDataMaker } from './make-data.ts';
import type { MockParts, MockRequest, Route } from './mock-route.ts';
import { answerOf, learnResources, readAnswer } from './resources.ts';
import { createShapes } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

type MockHandler = (request: MockRequest) => Answer<unknown>;

/**
 * A handler for every operation of a document, from the document alone. They keep nothing between requests.
 * @throws DocumentError when no data fits a schema.
 */
export function createMockHandlers(document: OpenApiDocument): Readonly<Record<string, MockHandler>> {
  const shapeOf = createShapes(document);
  const resources = learnResources(document, shapeOf);
  const parts = { shapeOf, resources, data: createDataMaker(shapeOf, resources) };
  return Object.fromEntries(
    operationsOf(document).map((route) => [route.operation.operationId, handle(route, parts)]),
  );
}

function handle(route: Route, parts: MockParts): MockHandler {
  const { operation } = route;
  const { status, media } = answerOf(operation);
  if (media === undefined || status === 204) return () => ({ status, body: undefined });

  tryData(route, media.schema, parts);
  const { shape, list } = readAnswer(media.schema, parts.shapeOf);
  const stated = Object.values(media.examples ?? {}).map(({ value }) => value);
  const answersThing = list === undefined && parts.resources.keyOf(shape) !== undefined;
  if (stated.length > 0 && route.method === 'get' && !answersThing && !isPaged(operation)) {
    return ({ path }) => ({ status, body: stated[seedOf(path) % stated.length] });
  }
  const compose =
    list === undefined ? composeOne(route, shape, parts) : composeList(route, shape, list, parts);
  return (request) => ({ status, body: compose(request) });
}

/** What can't be made is found at the start, not by the first request. */
function tryData({ operation }: Route, schema: JsonSchema, { data }: MockParts): void {
  try {
    data.value(schema, 0);
  } catch (error) {
    throw new DocumentError(`${operation.operationId}: no data can be made: ${(error as Error).message}`);
  }
}
