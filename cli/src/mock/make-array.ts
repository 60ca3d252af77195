import type { JsonSchema } from '@portico/contracts/openapi.ts';
import type { Shape } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

interface ArrayKeywords {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly prefixItems?: readonly JsonSchema[];
}

/** One to three items where the schema lets us choose; as few as it wants unless `generous`. */
export function makeArray(
  { schema, items }: Shape,
  seed: number,
  generous: boolean,
  makeItem: (schema: JsonSchema, seed: number) => unknown,
): unknown[] {
  const { minItems = 0, maxItems = 3, uniqueItems, prefixItems = [] } = schema as ArrayKeywords;
  const count = Math.max(minItems, generous ? Math.min(maxItems, 1 + (seed % 3)) : 0);
  const first = prefixItems.map((item, index) => makeItem(item, seedOf(seed, index)));
  const length = items === undefined ? 0 : Math.max(0, count - first.length);
  const more = Array.from({ length }, (_, index) => makeItem(items ?? {}, seedOf(seed, 'item', index)));
  const made = [...first, ...more];
  return uniqueItems ? [...new Map(made.map((one) => [JSON.stringify(one), one])).values()] : made;
}
