import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bar, drawBarChart } from './bar-chart.ts';
import { writeTable } from './write-table.ts';

/** What one part of the bench found. */
export interface Report {
  readonly title: string;
  /** What was done, and what the columns mean, where the heads don't say it. */
  readonly note: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Of the picture; there is none when left out. */
  readonly bars?: readonly Bar[];
}

/** The report as text; its picture becomes `<name>.svg` in the folder. */
export function writeReport(name: string, report: Report, folder: string): string {
  const { title, note, heads, rows, bars } = report;
  const table = `${title}\n${note}\n\n${writeTable(heads, rows)}`;
  if (bars === undefined) return `${table}\n`;
  mkdirSync(folder, { recursive: true });
  const picture = join(folder, `${name}.svg`);
  writeFileSync(picture, drawBarChart(title, bars));
  return `${table}Picture: ${picture}\n\n`;
}
