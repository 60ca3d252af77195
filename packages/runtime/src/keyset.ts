import { Problem } from './problems.ts';

/** The values of the sort columns of the last row of a page, the unique one last. */
export type KeysetValues = readonly (string | number)[];

/**
 * An opaque cursor into one list. `list` names the list with everything that shapes it (filter and order), so that a
 * cursor of another list is recognised.
 */
export function encodeCursor(list: string, values: KeysetValues): string {
  return Buffer.from(JSON.stringify([list, ...values])).toString('base64url');
}

/**
 * The values in a cursor.
 * @throws Problem `invalid-request` for anything that `encodeCursor` didn't make for this list and these types.
 */
export function decodeCursor<const Types extends readonly ('string' | 'number')[]>(
  cursor: string,
  list: string,
  types: Types,
): { [Index in keyof Types]: Types[Index] extends 'string' ? string : number } {
  const parts = parse(cursor);
  const values = parts.slice(1);
  const fits =
    // Buffer's decoder skips what isn't base64url; a cursor of ours comes out again as it went in.
    encodeCursor(list, values as KeysetValues) === cursor &&
    values.length === types.length &&
    values.every((value, index) => typeof value === types[index] && !String(value).includes('\u0000'));
  if (!fits) throw new Problem('invalid-request', 'The cursor is not one that this list has given.');
  return values as { [Index in keyof Types]: Types[Index] extends 'string' ? string : number };
}

function parse(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
