import { makeLeaf } from './make-leaf.ts';
import type { Shape } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

/** The id with this number, from 1, of all that a schema allows: `p7` for 7 where the pattern is `^p[1-9][0-9]*$`. */
export function idAt(shape: Shape, number: number): unknown {
  const { type, schema } = shape;
  const choices = (schema.enum ?? []) as unknown[];
  if (choices.length > 0) return choices[(number - 1) % choices.length];
  if (type === 'integer' || type === 'number') return Math.max(Number(schema.minimum ?? 1), 1) + number - 1;
  if (schema.format === 'uuid') return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const sample = String(makeLeaf(shape, 0));
  const hasPattern = schema.pattern !== undefined;
  const candidates = hasPattern ? numbered(sample, number) : [String(number), ...numbered(sample, number)];
  return candidates.find(shape.fits) ?? makeLeaf(shape, seedOf(number));
}

/** A sample with another number at its end, in as many digits as it had where it must. */
function numbered(sample: string, number: number): string[] {
  const [digits = ''] = /\d*$/.exec(sample) ?? [];
  const stem = sample.slice(0, sample.length - digits.length);
  const padded = String(number).padStart(digits.length, '0');
  return [`${stem}${number}`, `${stem}${padded}`, `${stem}-${number}`];
}

/** The number of an id: the inverse of `idAt` where ids have numbers, else one that follows from the id. */
export function numberOf(id: unknown): number {
  const [digits = ''] = /\d{1,12}$/.exec(String(id)) ?? [];
  const number = Number(digits);
  return number > 0 ? number : 1 + (seedOf(id) % 1_000_000);
}
