import type { JsonSchema, OpenApiDocument } from '@portico/contracts/openapi.ts';
import { resolveReference } from '@portico/runtime/openapi-schema.ts';

/** A member of an answer, however deep. */
export interface MemberDescription {
  /** `items[].price.amount` */
  readonly path: string;
  readonly type: string;
  readonly description: string;
}

/** Every member of a schema's values, the outer before the inner. */
export function describeMembers(
  schema: JsonSchema,
  document: OpenApiDocument,
  path = '',
): MemberDescription[] {
  const [actual] = withoutNull(resolve(schema, document), document);
  const members = Object.entries((actual.properties ?? {}) as Record<string, JsonSchema>);
  const inner = members.flatMap(([name, member]) => {
    const own = path === '' ? name : `${path}.${name}`;
    const described = {
      path: own,
      type: describeType(member, document),
      description: describe(member, document),
    };
    return [described, ...describeMembers(member, document, own)];
  });
  return actual.type === 'array' ? describeMembers(actual.items as JsonSchema, document, `${path}[]`) : inner;
}

/** The type of a schema's values in words: `integer, 1 to 100`, `list of string`, `object or null`. */
export function describeType(schema: JsonSchema, document: OpenApiDocument): string {
  const [actual, nullable] = withoutNull(resolve(schema, document), document);
  return [describeOneType(actual, document), ...(nullable ? ['null'] : [])].join(' or ');
}

/** What a schema says of itself, or what the schema says that it refers to. */
export function describe(schema: JsonSchema, document: OpenApiDocument): string {
  return String(schema.description ?? resolve(schema, document).description ?? '').trim();
}

/**
 * A value that fits a schema: its own example where it has one, else one made of its members' examples. Optional members
 * come only in examples that are written out.
 */
export function exampleOf(schema: JsonSchema, document: OpenApiDocument): unknown {
  const [actual] = withoutNull(resolve(schema, document), document);
  const given = [schema, actual].flatMap(({ examples }) => (examples ?? []) as unknown[]);
  if (given.length > 0) return given[0];
  if (actual.default !== undefined) return actual.default;
  if (Array.isArray(actual.enum)) return actual.enum[0];
  if (actual.type === 'array') return [exampleOf(actual.items as JsonSchema, document)];
  const members = (actual.properties ?? {}) as Record<string, JsonSchema>;
  const required = (actual.required ?? []) as string[];
  return Object.fromEntries(required.map((name) => [name, exampleOf(members[name] ?? {}, document)]));
}

function resolve(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  return resolveReference(schema, document) as JsonSchema;
}

/** The schema of the values that are not null, and whether null is one of the values too. */
function withoutNull(schema: JsonSchema, document: OpenApiDocument): [JsonSchema, boolean] {
  const choices = (schema.oneOf ?? []) as JsonSchema[];
  const [first] = choices.filter(({ type }) => type !== 'null');
  if (first !== undefined) return [resolve(first, document), choices.length > 1];
  if (!Array.isArray(schema.type)) return [schema, false];
  const [type] = schema.type.filter((name) => name !== 'null');
  return [{ ...schema, type }, true];
}

function describeOneType(schema: JsonSchema, document: OpenApiDocument): string {
  const { type, minimum, maximum, maxLength } = schema;
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`;
  if (type === 'array') return `list of ${describeType(schema.items as JsonSchema, document)}`;
  if (maxLength !== undefined) return `${type}, at most ${maxLength} characters`;
  if (minimum === undefined) return String(type);
  return `${type}, ${maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`}`;
}
