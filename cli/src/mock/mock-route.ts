import type { HttpMethod, OpenApiOperation } from '@portico/contracts/openapi.ts';
import type { DataMaker } from './make-data.ts';
import type { Resources, Thing } from './resources.ts';
import type { ShapeOf } from './schema-shapes.ts';

/** One operation of a document, where it stands. */
export interface Route {
  readonly path: string;
  readonly method: HttpMethod;
  readonly operation: OpenApiOperation;
}

/** A validated request, as far as an answer follows from it. */
export interface MockRequest {
  readonly path: Thing;
  readonly query: Thing;
  readonly body: unknown;
}

/** Gives the body of an answer. */
export type Compose = (request: MockRequest) => unknown;

/** What is known of a document, and data by it. */
export interface MockParts {
  readonly shapeOf: ShapeOf;
  readonly resources: Resources;
  readonly data: DataMaker;
}
