import { drawings } from './product-drawings.ts';

/** The colours of one picture, which fit each other. */
export interface Palette {
  readonly main: string;
  readonly dark: string;
  readonly light: string;
  readonly accent: string;
  readonly paper: string;
}

/** Gives a number from 0 to `choices` - 1; a new one on each call, the same ones for the same product. */
export type Choose = (choices: number) => number;

/**
 * A product's picture as an SVG document that follows from its category and id alone; undefined when there is no such
 * category or the id can't be one.
 */
export function productImage(category: string, product: string): string | undefined {
  const variants = Object.hasOwn(drawings, category) ? drawings[category] : undefined;
  if (variants === undefined || !/^[a-z0-9-]{1,64}$/i.test(product)) return undefined;
  const choose = chooser(`${category}/${product}`);
  const main = choose(dyes.length);
  const palette = paletteOf(dyes[main], dyes[(main + 1 + choose(dyes.length - 1)) % dyes.length]);
  const hue = dyes[main]?.[0] ?? 0;
  const draw = variants[choose(variants.length)];
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">',
    `<rect width="400" height="400" fill="${hsl(hue + 14, 32, 94)}"/>`,
    backdrop(hue, choose),
    '<ellipse cx="200" cy="326" rx="118" ry="13" fill="#1b1e27" opacity=".13"/>',
    draw?.(palette, choose),
    '</svg>',
  ].join('');
}

type Dye = readonly [hue: number, saturation: number, lightness: number];

/** Colours of a shop's goods, the hues about evenly far from each other to the eye. */
const dyes: readonly Dye[] = [
  [8, 58, 52],
  [24, 66, 54],
  [42, 72, 52],
  [78, 34, 44],
  [150, 36, 38],
  [174, 44, 38],
  [196, 56, 46],
  [214, 52, 48],
  [232, 40, 44],
  [264, 34, 52],
  [318, 32, 44],
  [348, 54, 58],
];

function paletteOf([hue, saturation, lightness]: Dye = grey, contrast: Dye = grey): Palette {
  return {
    main: hsl(hue, saturation, lightness),
    dark: hsl(hue, saturation * 0.8, lightness * 0.56),
    light: hsl(hue, saturation * 0.9, lightness * 0.5 + 52),
    accent: hsl(contrast[0], contrast[1] + 6, contrast[2] + 8),
    paper: '#fdfbf7',
  };
}

const grey: Dye = [0, 0, 50];

const hsl = (hue: number, saturation: number, lightness: number) =>
  `hsl(${hue} ${Math.round(saturation)}% ${Math.round(lightness)}%)`;

function backdrop(hue: number, choose: Choose): string {
  const fill = hsl(hue + 14, 38, 87);
  switch (choose(3)) {
    case 0:
      return `<circle cx="${170 + choose(60)}" cy="${180 + choose(30)}" r="${135 + choose(20)}" fill="${fill}"/>`;
    case 1:
      return `<path d="M0 ${250 + choose(30)} Q100 ${200 + choose(40)} 200 250 T400 ${230 + choose(40)} V400 H0Z" fill="${fill}"/>`;
    default:
      return `<rect x="70" y="${50 + choose(20)}" width="260" height="276" rx="${130 - choose(2) * 100}" fill="${fill}"/>`;
  }
}

/** FNV-1a over the text as the seed of a mulberry32 generator. */
function chooser(text: string): Choose {
  let state = 2166136261;
  for (const char of text) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 16777619);
  return (choices) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % choices;
  };
}
