import type { ColumnValue, Row } from './change-event.ts';

/** @throws TypeError when the row has no such column, or no text in it. */
export function textOf(row: Row, column: string): string {
  const value = columnOf(row, column);
  if (typeof value === 'string') return value;
  throw new TypeError(`the column ${column} must be text, got ${typeof value}`);
}

/** @throws TypeError when the row has no such column, or no whole number below 2^53 in it. */
export function integerOf(row: Row, column: string): number {
  const value = columnOf(row, column);
  if (Number.isSafeInteger(value)) return value as number;
  throw new TypeError(`the column ${column} must be a whole number, got ${typeof value}`);
}

/**
 * The time in the form in which services write it: UTC, with milliseconds.
 * @throws TypeError when the row has no such column, or no time in it.
 */
export function timeOf(row: Row, column: string): string {
  const text = textOf(row, column);
  const time = new Date(text);
  // Without an offset it would be the local time of whoever reads it.
  if (!/:.*(Z|[+-]\d\d(:?\d\d)?)$/.test(text) || Number.isNaN(time.getTime()))
    throw new TypeError(`the column ${column} must be a time`);
  return time.toISOString();
}

function columnOf(row: Row, column: string): ColumnValue {
  const value = row[column];
  if (value === undefined) throw new TypeError(`the row has no column ${column}`);
  return value;
}
