/** Of a cell, in characters; what is longer ends with an ellipsis. */
const widest = 80;

/** Columns side by side, for people: numbers to the right, everything else to the left. */
export function formatTable(names: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map(toCell));
  const widths = names.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const isNumeric = names.map((_, column) =>
    rows.every((row) => /^-?[\d.]+$|^$/.test(String(row[column] ?? ''))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumeric[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width));
  return `${[names, rule, ...cells].map(line).join('\n')}\n`;
}

function toCell(value: unknown): string {
  if (value === null) return 'null';
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/\s+/g, ' ');
  return text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
}
