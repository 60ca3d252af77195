import { isThing, type Thing } from './resources.ts';

export type Compare = (one: Thing, other: Thing) => number;

/**
 * The order that the value of a sort parameter names, in one of the usual spellings (`price_asc`, `-price`,
 * `price:desc`); undefined where it names no member of the things.
 */
export function sortOrder(sort: unknown, members: Readonly<Record<string, unknown>>): Compare | undefined {
  const [, sign, name = '', way] = /^([-+]?)(.+?)(?:[_:. -](asc|desc))?$/i.exec(String(sort)) ?? [];
  if (!Object.hasOwn(members, name)) return undefined;
  const factor = sign === '-' || way?.toLowerCase() === 'desc' ? -1 : 1;
  return (one, other) => factor * compare(valueIn(one[name]), valueIn(other[name]));
}

/** A value itself; of an amount with its unit, the amount. */
function valueIn(value: unknown): unknown {
  return isThing(value) ? Object.values(value).find((part) => typeof part === 'number') : value;
}

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return String(one) < String(other) ? -1 : Number(String(one) > String(other));
}
