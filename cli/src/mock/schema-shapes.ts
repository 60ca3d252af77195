import type { JsonSchema, OpenApiDocument } from '@portico/contracts/openapi.ts';
import { compileSchema, resolveReference, type Validator } from '@portico/runtime/openapi-schema.ts';
import { seedOf } from './seed.ts';

/** A schema as data is made from it: references followed, `allOf` joined, one of `oneOf` or `anyOf` chosen. */
export interface Shape {
  /** The same for all uses of one schema: the name that it has in the document, else what follows from its text. */
  readonly key: string;
  /** The name that the schema has in the document. */
  readonly name: string | undefined;
  readonly type: string | undefined;
  readonly nullable: boolean;
  /** An object's members; empty for everything else. */
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
  readonly items: JsonSchema | undefined;
  readonly examples: readonly unknown[];
  /** All keywords. */
  readonly schema: JsonSchema;
  /** Whether a value fits the schema. */
  readonly fits: (value: unknown) => boolean;
}

export type ShapeOf = (schema: JsonSchema) => Shape;

/** @returns a function that gives the shape of a schema of `document`, the same object each time. */
export function createShapes(document: OpenApiDocument): ShapeOf {
  const known = new WeakMap<object, Shape>();
  return (schema) => {
    // A schema of `true` takes everything.
    if (typeof schema !== 'object') return toShape({}, undefined, document);
    const shape = known.get(schema) ?? toShape(join(schema, document), nameOf(schema), document);
    known.set(schema, shape);
    return shape;
  };
}

function toShape(schema: JsonSchema, name: string | undefined, document: OpenApiDocument): Shape {
  const { properties, required, items, examples } = schema;
  const types = [schema.type].flat().filter((type) => type !== 'null');
  let validator: Validator | undefined;
  return {
    key: name ?? `#${seedOf(schema)}`,
    name,
    type: (types[0] ?? guessType(schema)) as string | undefined,
    nullable: schema.nullable === true || types.length < [schema.type].flat().length,
    properties: (properties ?? {}) as Record<string, JsonSchema>,
    required: (required ?? []) as string[],
    items: items as JsonSchema | undefined,
    examples: (examples ?? []) as unknown[],
    schema,
    fits: (value) => {
      // Components are worth their cost only where something refers to them.
      validator ??= compileSchema(schema, JSON.stringify(schema).includes('"$ref"') ? document : {});
      return validator.Check(value);
    },
  };
}

function guessType({ type, properties, items, pattern, format }: JsonSchema): string | undefined {
  if (type === 'null') return 'null';
  if (properties !== undefined) return 'object';
  if (items !== undefined) return 'array';
  return pattern === undefined && format === undefined ? undefined : 'string';
}

function nameOf(schema: JsonSchema): string | undefined {
  const [only, ...more] = (schema.allOf ?? []) as JsonSchema[];
  const reference = schema.$ref ?? (more.length === 0 ? only?.$ref : undefined);
  return typeof reference === 'string' ? reference.split('/').at(-1) : undefined;
}

/** How deep schemas may lie in each other by `allOf`, `oneOf` and references; more is a circle. */
const maxNesting = 30;

function join(schema: JsonSchema, document: OpenApiDocument, nesting = 0): JsonSchema {
  if (nesting > maxNesting || typeof schema !== 'object') return {};
  const { $ref, allOf, oneOf, anyOf, ...keywords } = schema;
  const parts = [
    ...($ref === undefined ? [] : [resolveReference({ $ref }, document) as JsonSchema]),
    ...((allOf ?? []) as JsonSchema[]),
    ...choose((oneOf ?? anyOf ?? []) as JsonSchema[]),
  ].map((part) => join(part, document, nesting + 1));
  const nullable = ((oneOf ?? anyOf ?? []) as JsonSchema[]).some(({ type }) => type === 'null');
  const own: JsonSchema = nullable ? { ...keywords, nullable } : keywords;
  return withDiscriminator([...parts, own].reduce(merge, {}), (oneOf ?? anyOf) as JsonSchema[] | undefined);
}

/** The first choice that is something. */
function choose(choices: readonly JsonSchema[]): JsonSchema[] {
  const chosen = choices.find((choice) => choice.type !== 'null') ?? choices[0];
  return chosen === undefined ? [] : [chosen];
}

function merge(one: JsonSchema, other: JsonSchema): JsonSchema {
  const both = { ...one, ...other };
  if (one.properties !== undefined && other.properties !== undefined) {
    both.properties = { ...one.properties, ...other.properties };
  }
  if (one.required !== undefined && other.required !== undefined) {
    both.required = [...new Set([...(one.required as string[]), ...(other.required as string[])])];
  }
  return both;
}

/** The member that says which of several schemas an object follows names the one that was chosen. */
function withDiscriminator(schema: JsonSchema, choices: readonly JsonSchema[] | undefined): JsonSchema {
  const { discriminator, ...rest } = schema;
  const { propertyName, mapping = {} } = (discriminator ?? {}) as {
    propertyName?: string;
    mapping?: Record<string, string>;
  };
  const reference = choose(choices ?? [])[0]?.$ref as string | undefined;
  if (propertyName === undefined || reference === undefined) return rest;
  const name = Object.keys(mapping).find((key) => mapping[key] === reference) ?? reference.split('/').at(-1);
  return { ...rest, properties: { ...(rest.properties as object), [propertyName]: { const: name } } };
}
