import type { ColumnValue } from '@portico/contracts/events/change-event.ts';
import pg from 'pg';

const { BOOL, INT2, INT4, INT8, OID, FLOAT4, FLOAT8, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins;

/** Settings of a session whose text form of values is the one that is read here. */
export const sessionSettings =
  '-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1';

/**
 * Reads PostgreSQL's text form of a column: booleans, numbers that JSON can hold exactly, times in ISO 8601; text for
 * all others. The same for rows from the log as for rows of a snapshot.
 */
export function columnReader(type: number): (text: string) => ColumnValue {
  switch (type) {
    case BOOL:
      return (text) => text === 't';
    case INT2:
    case INT4:
    case OID:
      return Number;
    case INT8:
      return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    case FLOAT4:
    case FLOAT8:
      return (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
    case TIMESTAMP:
    case TIMESTAMPTZ:
      return isoTime;
    default:
      return (text) => text;
  }
}

/** `2026-01-02 03:04:05.1+00` as `2026-01-02T03:04:05.100Z`; what ISO 8601 doesn't know, such as infinity, as it is. */
function isoTime(text: string): string {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?(\+00)?$/.exec(text);
  if (parts === null) return text;
  const [, date, time, fraction = '', zone] = parts;
  return `${date}T${time}.${fraction.padEnd(3, '0')}${zone === undefined ? '' : 'Z'}`;
}
