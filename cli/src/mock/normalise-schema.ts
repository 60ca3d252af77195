import type { JsonSchema } from '@portico/contracts/openapi.ts';

const schemaKeywords = [
  'items',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'additionalProperties',
];
const listKeywords = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const mapKeywords = ['properties', 'patternProperties', 'dependentSchemas', '$defs'];

/** A schema of OpenAPI 3.0 or 3.1 as one of 3.1 (JSON Schema 2020-12), all the way down. */
export function normaliseSchema(schema: unknown): JsonSchema {
  if (!isObject(schema)) return schema as JsonSchema;
  const result: Record<string, unknown> = { ...schema };
  for (const keyword of schemaKeywords) {
    if (isObject(schema[keyword])) result[keyword] = normaliseSchema(schema[keyword]);
  }
  for (const keyword of listKeywords) {
    const list = schema[keyword];
    if (Array.isArray(list)) result[keyword] = list.map(normaliseSchema);
  }
  for (const keyword of mapKeywords) {
    if (isObject(schema[keyword])) result[keyword] = mapValues(schema[keyword], normaliseSchema);
  }
  return withoutOldBounds(withoutNullable(withExamples(result)));
}

/** OpenAPI 3.0 has one `example`, and 3.1 still lets documents say so. */
function withExamples({ example, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return example === undefined || Array.isArray(schema.examples)
    ? schema
    : { ...schema, examples: [example] };
}

function withoutNullable({ nullable, ...schema }: Record<string, unknown>): Record<string, unknown> {
  if (nullable !== true) return schema;
  if (typeof schema.type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  const choices = Array.isArray(schema.enum) ? { enum: [...new Set([...schema.enum, null])] } : {};
  return { ...schema, type: [schema.type, 'null'], ...choices };
}

/** `exclusiveMinimum: true` beside `minimum`, as OpenAPI 3.0 writes it. */
function withoutOldBounds(schema: Record<string, unknown>): Record<string, unknown> {
  const { exclusiveMinimum, exclusiveMaximum, minimum, maximum, ...rest } = schema;
  return {
    ...rest,
    ...bound('minimum', 'exclusiveMinimum', minimum, exclusiveMinimum),
    ...bound('maximum', 'exclusiveMaximum', maximum, exclusiveMaximum),
  };
}

function bound(name: string, exclusiveName: string, value: unknown, exclusive: unknown) {
  if (exclusive === true) return value === undefined ? {} : { [exclusiveName]: value };
  return {
    ...(value === undefined ? {} : { [name]: value }),
    ...(typeof exclusive === 'number' ? { [exclusiveName]: exclusive } : {}),
  };
}

export function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
