import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The documents in `openapi/`, by file name. */
export type OpenApiName =
  | 'catalog'
  | 'inventory'
  | 'reviews'
  | 'customers'
  | 'orders'
  | 'payments'
  | 'shipping'
  | 'mobile';

/**
 * The part of OpenAPI 3.1 that our documents use. Schemas and responses may be references into `components`;
 * parameters and request bodies always stand in their operation.
 */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: Readonly<Record<string, OpenApiPathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly responses: Readonly<Record<string, OpenApiResponse>>;
    readonly securitySchemes?: Readonly<Record<string, object>>;
  };
}

export type OpenApiPathItem = Readonly<Partial<Record<HttpMethod, OpenApiOperation>>>;

export const httpMethods = ['get', 'put', 'post', 'patch', 'delete'] as const;
export type HttpMethod = (typeof httpMethods)[number];

export interface OpenApiOperation {
  /** Unique in its document; handlers and generated types go by it. */
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: OpenApiContent };
  /** Takes an access token, and one of these roles where any is named; anybody may when left out. */
  readonly security?: readonly [{ readonly bearer: readonly string[] }];
  /** By status, or `default`. */
  readonly responses: Readonly<Record<string, OpenApiResponse | OpenApiReference>>;
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly style?: 'form' | 'simple';
  /** False for a list that comes as one value, separated by commas. */
  readonly explode?: boolean;
  readonly schema: JsonSchema;
  /** The parameter takes this many keys in one call, and a client may join single reads into one. */
  readonly 'x-portico-batch'?: number;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, OpenApiReference>>;
  readonly content?: OpenApiContent;
}

export type OpenApiContent = Readonly<Record<string, OpenApiMediaType>>;

export interface OpenApiMediaType {
  readonly schema: JsonSchema;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}

export interface OpenApiReference {
  readonly $ref: string;
}

/** JSON Schema 2020-12; `$ref` points into the document that the schema stands in. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Reads one of our documents, frozen all through. */
export function loadOpenApi(name: OpenApiName): OpenApiDocument {
  const file = new URL(`../openapi/${name}.yaml`, import.meta.url);
  return deepFreeze(parse(readFileSync(file, 'utf8')));
}

/** Every operation of a document with its path, as the document writes it (`/products/{id}`), and its method. */
export function operationsOf(
  document: OpenApiDocument,
): { path: string; method: HttpMethod; operation: OpenApiOperation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    httpMethods.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
