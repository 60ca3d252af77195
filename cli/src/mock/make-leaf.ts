import { generateSync } from 'json-schema-faker';
import { makeText } from './make-text.ts';
import type { Shape } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

/** How many values are tried for one that fits: the library doesn't know every form of pattern. */
const attempts = 20;

/** A text, number, boolean or null of a schema, which follows from `seed`. A stated example comes before made data. */
export function makeLeaf(shape: Shape, seed: number): unknown {
  const { schema, type, examples } = shape;
  if (schema.const !== undefined) return schema.const;
  const stated = examples.length > 0 ? examples : ((schema.enum ?? []) as unknown[]);
  const choices = stated.filter((choice) => choice !== null || type === 'null');
  if (choices.length > 0) return choices[seed % choices.length];
  if (type === 'string' && schema.pattern === undefined && schema.format === undefined) {
    const { minLength = 0, maxLength = 200 } = schema as { minLength?: number; maxLength?: number };
    return makeText(seed, minLength, maxLength);
  }
  return makeByLibrary(shape, seed);
}

function makeByLibrary({ schema, type, fits }: Shape, seed: number): unknown {
  const wanted = { ...schema, ...(type !== undefined && { type }) };
  const make = (from: Readonly<Record<string, unknown>>, attempt: number) =>
    round(generateSync(from, { seed: seedOf(seed, attempt) }));
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const value = make(attempt < attempts / 2 ? plausible(wanted) : wanted, attempt);
    if (fits(value)) return value;
  }
  return generateSync(wanted, { seed });
}

/** What a schema counts is seldom negative. */
function plausible(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const bounded = schema.minimum !== undefined || schema.exclusiveMinimum !== undefined;
  return bounded || !['integer', 'number'].includes(String(schema.type)) ? schema : { ...schema, minimum: 0 };
}

function round(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 100) / 100 : value;
}
