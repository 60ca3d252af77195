import {
  type DuckDBResult,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';

/** As JSON has it, like DuckDB's own, but whole numbers are numbers as far as JavaScript has them. */
export const toJson: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return JsonDuckDBValueConverter(value, type, converter);
};

/** Makes objects of the rows of a result; what is JSON in the lake is JSON in them. */
export function objectsOf(result: DuckDBResult): (row: readonly (Json | null)[]) => Record<string, Json> {
  const names = result.deduplicatedColumnNames();
  const isJson = result.columnTypes().map(({ alias }) => alias === 'JSON');
  const valueAt = (value: Json | null, column: number): Json =>
    isJson[column] === true && typeof value === 'string' ? JSON.parse(value) : value;
  return (row) =>
    Object.fromEntries(row.map((value, column) => [names[column] ?? '', valueAt(value, column)]));
}
