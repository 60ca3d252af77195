export interface Bar {
  readonly name: string;
  readonly value: number;
  /** What stands beside the bar. */
  readonly label: string;
  /** Bars are drawn to one scale with those of the same unit. */
  readonly unit?: string;
}

const width = 720;
const barsFrom = 250;
const longestBar = 340;
const rowHeight = 36;

/** A picture (SVG) of bars from left to right, the longest of each unit across the whole chart. */
export function drawBarChart(title: string, bars: readonly Bar[]): string {
  const longestOf = (unit: string | undefined) =>
    Math.max(...bars.filter((bar) => bar.unit === unit).map(({ value }) => value));
  const height = 60 + bars.length * rowHeight;
  const rows = bars.map(({ name, value, label, unit }, index) => {
    const y = 50 + index * rowHeight;
    const length = ((value / longestOf(unit)) * longestBar).toFixed(1);
    return [
      `<text x="${barsFrom - 10}" y="${y + 16}" text-anchor="end">${escapeText(name)}</text>`,
      `<rect x="${barsFrom}" y="${y}" width="${length}" height="22" rx="3" fill="${unit === '%' ? '#b5762a' : '#2f6f8f'}"/>`,
      `<text x="${barsFrom + Number(length) + 8}" y="${y + 16}">${escapeText(label)}</text>`,
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="14">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="28" font-size="16" font-weight="bold">${escapeText(title)}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
