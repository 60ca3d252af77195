import type { Choose, Palette } from './product-image.ts';

/** Draws one thing on a canvas of 400 by 400, standing on y = 326. */
type Drawing = (palette: Palette, choose: Choose) => string;

/** By category id: the things that stand for a category; a product gets one of them. */
export const drawings: Readonly<Record<string, readonly Drawing[]>> = {
  coffee: [mug, beanBag],
  kitchen: [pot, knifeOnBoard],
  audio: [headphones, speaker],
  books: [standingBook, bookStack],
  garden: [pottedPlant, wateringCan],
  bikes: [bicycle],
  lighting: [pendantLamp, tableLamp],
  toys: [stackingRings, blocks],
  desk: [pencilCup, notebook],
  outdoor: [tent, compass],
  bags: [backpack, tote],
  wellness: [dropper, candle],
};

const rect = (x: number, y: number, width: number, height: number, radius: number, fill: string) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}"/>`;
const circle = (x: number, y: number, radius: number, fill: string) =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}"/>`;
const shape = (path: string, fill: string) => `<path d="${path}" fill="${fill}"/>`;
const line = (path: string, width: number, stroke: string) =>
  `<path d="${path}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`;

function mug({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const band = 225 + choose(4) * 14;
  return [
    line('M270 206 q62 0 58 44 q-4 44 -66 40', 20, dark),
    shape('M118 180 H282 V270 Q282 326 226 326 H174 Q118 326 118 270Z', main),
    `<ellipse cx="200" cy="180" rx="82" ry="17" fill="${dark}"/><ellipse cx="200" cy="182" rx="68" ry="11" fill="#4a2c1c"/>`,
    rect(118, band, 164, 14 + choose(3) * 8, 0, accent),
    line('M138 214 q-2 50 10 80', 8, light),
    line('M170 140 q-14 -20 0 -40 t0 -36', 8, paper) + line('M222 144 q-14 -20 0 -40 t0 -36', 8, paper),
  ].join('');
}

function beanBag({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const beans = [0, 1, 2].map((n) => {
    const x = 176 + n * 26;
    const y = 262 + choose(16);
    return `<g transform="rotate(${choose(80) - 40} ${x} ${y})"><ellipse cx="${x}" cy="${y}" rx="10" ry="15" fill="#5a3522"/>${line(`M${x} ${y - 12} q5 12 0 24`, 3, paper)}</g>`;
  });
  return [
    shape('M122 112 H278 L292 310 Q293 326 276 326 H124 Q107 326 108 310Z', main),
    shape('M122 112 H278 L280 142 H120Z', dark),
    rect(116, 92, 168, 26, 6, light),
    rect(146, 172, 108, 124, 10, paper),
    rect(164, 190, 72, 10, 5, accent) + rect(176, 210, 48, 8, 4, light),
    ...beans,
  ].join('');
}

function pot({ main, dark, light, accent }: Palette, choose: Choose): string {
  const height = 120 + choose(4) * 12;
  const top = 326 - height;
  return [
    rect(62, top + 26, 50, 22, 11, dark) + rect(288, top + 26, 50, 22, 11, dark),
    rect(92, top, 216, height, 28, main) + rect(92, top, 216, 34, 12, light),
    rect(84, top - 14, 232, 22, 11, dark),
    shape(`M104 ${top - 14} Q200 ${top - 74} 296 ${top - 14}Z`, main),
    circle(200, top - 54, 15, accent),
    line(`M120 ${top + 56} v${height - 90}`, 9, light),
  ].join('');
}

function knifeOnBoard({ main, dark, light, accent }: Palette, choose: Choose): string {
  const slices = Array.from({ length: 2 + choose(3) }, (_, n) =>
    [circle(150 + n * 34, 276, 20, accent), circle(150 + n * 34, 276, 13, light)].join(''),
  );
  return [
    rect(72, 110, 256, 216, 26, '#c99a66') + rect(72, 110, 256, 18, 9, '#dab485'),
    circle(300, 140, 13, '#a87b4b'),
    line('M96 168 H270 M96 204 H304 M96 240 H304', 3, '#b98a56'),
    shape('M106 214 H236 V186 Q150 172 106 214Z', '#dfe4ea') + line('M108 213 H234', 4, '#b3bcc7'),
    rect(232, 184, 78, 30, 12, dark) + circle(256, 199, 4, main) + circle(284, 199, 4, main),
    ...slices,
  ].join('');
}

function headphones({ main, dark, light, accent }: Palette, choose: Choose): string {
  const cup = 88 + choose(4) * 8;
  return [
    line('M104 250 V214 a96 100 0 0 1 192 0 V250', 24, dark),
    line('M132 146 a96 100 0 0 1 136 0', 12, light),
    rect(76, 312 - cup, 58, cup, 26, main) + rect(266, 312 - cup, 58, cup, 26, main),
    rect(124, 320 - cup, 22, cup - 16, 10, dark) + rect(254, 320 - cup, 22, cup - 16, 10, dark),
    circle(98, 312 - cup / 2, 10, accent) + circle(302, 312 - cup / 2, 10, accent),
  ].join('');
}

function speaker({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const radius = 50 + choose(3) * 7;
  return [
    rect(114, 78, 172, 248, 20, main) + rect(126, 90, 148, 224, 12, dark),
    circle(200, 146, 32, light) + circle(200, 146, 22, dark) + circle(200, 146, 9, accent),
    circle(200, 246, radius, light) + circle(200, 246, radius - 12, main),
    circle(200, 246, 24, dark) + circle(192, 238, 6, paper),
    circle(256, 302, 4, accent),
  ].join('');
}

function standingBook({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const emblem = [
    circle(214, 186, 34, accent),
    shape('M214 146 L250 218 H178Z', accent),
    line('M178 200 q18 -50 36 0 t36 0', 11, accent),
  ];
  return [
    rect(116, 76, 180, 250, 8, paper),
    line('M288 88 V316', 3, '#d8d2c4') + line('M282 88 V316', 3, '#d8d2c4'),
    shape('M112 74 H272 Q280 74 280 82 V310 Q280 318 272 318 H126 Q112 318 112 304Z', main),
    rect(112, 74, 28, 244, 8, dark),
    rect(160, 104, 104, 12, 6, light) + rect(174, 126, 76, 8, 4, light),
    emblem[choose(emblem.length)],
    rect(178, 262, 72, 8, 4, light),
    shape('M236 318 V344 L246 334 L256 344 V318Z', accent),
  ].join('');
}

function bookStack({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const fills = [main, accent, dark, light];
  const books = fills.map((fill, n) => {
    const x = 92 + choose(30);
    const y = 280 - n * 48;
    const mark = rect(x + 24, y + 8, 12, 30, 3, paper) + rect(x + 44, y + 18, 60 + choose(40), 10, 5, paper);
    return rect(x, y, 196, 46, 8, fill) + rect(x + 176, y + 6, 20, 34, 2, paper) + mark;
  });
  return books.join('');
}

function pottedPlant({ main, dark, accent, light }: Palette, choose: Choose): string {
  const greens = ['#3f8f5b', '#57a86f', '#2f7350'];
  const leaves = [-62, -36, -10, 16, 42, 66].map((angle, n) => {
    const length = 108 + choose(46);
    return `<g transform="rotate(${angle} 200 232)">${shape(`M200 232 Q${166} ${232 - length / 2} 200 ${232 - length} Q234 ${232 - length / 2} 200 232Z`, greens[n % 3] ?? '')}${line(`M200 226 V${250 - length}`, 3, '#2a6446')}</g>`;
  });
  return [
    ...leaves,
    choose(2) === 1 ? circle(168, 122, 13, accent) + circle(238, 110, 13, accent) : '',
    shape('M134 236 H266 L250 312 Q247 326 234 326 H166 Q153 326 150 312Z', main),
    rect(126, 218, 148, 30, 8, dark),
    line('M160 262 l8 46', 8, light),
  ].join('');
}

function wateringCan({ main, dark, light, accent }: Palette, choose: Choose): string {
  const drops = [0, 1, 2].map((n) => circle(52 + n * 16, 196 + choose(60), 5, '#5fa8d3'));
  return [
    line('M262 190 q74 -18 66 52 q-6 50 -62 48', 16, dark),
    line('M142 268 L82 172', 20, main) + shape('M56 176 L100 146 L108 160 L64 190Z', dark),
    shape('M136 176 H268 L280 310 Q281 326 266 326 H138 Q123 326 124 310Z', main),
    rect(130, 166, 144, 22, 9, light) + line('M156 168 q46 -62 92 0', 13, dark),
    rect(127, 262, 150, 16, 0, accent),
    ...drops,
  ].join('');
}

function bicycle({ main, dark, accent, light }: Palette, choose: Choose): string {
  const wheel = (x: number) =>
    [
      `<circle cx="${x}" cy="258" r="62" fill="none" stroke="#2a2d36" stroke-width="11"/>`,
      `<circle cx="${x}" cy="258" r="54" fill="none" stroke="${light}" stroke-width="4"/>`,
      line(`M${x - 50} 258 h100 M${x} 208 v100 M${x - 36} 222 l72 72 M${x + 36} 222 l-72 72`, 1.5, '#8b909c'),
      circle(x, 258, 8, dark),
    ].join('');
  const bars = ['M268 142 l-8 -24 h34', 'M268 142 l-6 -26 q38 -8 40 16 q0 14 -18 14'][choose(2)] ?? '';
  const extra = [
    rect(272, 128, 62, 40, 8, '#b98a56') + line('M280 142 h46 M280 154 h46', 3, '#8f6638'),
    rect(78, 186, 66, 10, 5, dark),
    '',
  ];
  return [
    wheel(112) + wheel(290),
    line('M112 258 L158 174 H258 L196 258 Z M158 174 L196 258 M268 142 L290 258', 11, main),
    line(bars, 9, '#2a2d36') + line('M158 174 l-8 -24', 9, main) + rect(122, 140, 60, 15, 7, '#2a2d36'),
    circle(196, 258, 17, accent) +
      line('M196 258 l16 24', 6, '#2a2d36') +
      rect(202, 280, 26, 8, 4, '#2a2d36'),
    extra[choose(extra.length)],
  ].join('');
}

function pendantLamp({ main, dark, light, paper }: Palette, choose: Choose): string {
  const shade = [
    'M104 232 Q104 136 200 136 Q296 136 296 232Z',
    'M88 232 L166 136 H234 L312 232Z',
    'M120 232 V172 Q120 136 156 136 H244 Q280 136 280 172 V232Z',
  ];
  return [
    '<path d="M112 236 L64 326 H336 L288 236Z" fill="#ffe9a8" opacity=".75"/>',
    line('M200 0 V120', 6, '#2a2d36') + rect(182, 112, 36, 28, 8, dark),
    circle(200, 240, 26, '#fff3c9') + circle(200, 238, 17, paper),
    shape(shade[choose(shade.length)] ?? '', main),
    line('M146 216 q4 -40 26 -56', 9, light),
  ].join('');
}

function tableLamp({ main, dark, light, accent }: Palette, choose: Choose): string {
  const base = [
    rect(188, 196, 24, 118, 8, accent),
    circle(200, 268, 42, accent) + rect(190, 196, 20, 40, 4, dark),
    shape('M166 314 L190 198 H210 L234 314Z', accent),
  ];
  return [
    '<path d="M128 204 L84 326 H316 L272 204Z" fill="#ffe9a8" opacity=".6"/>',
    base[choose(base.length)],
    rect(142, 308, 116, 18, 9, dark),
    shape('M150 92 H250 L292 204 H108Z', main) + shape('M108 204 H292 L288 192 H112Z', light),
    line('M264 204 v36', 3, dark) + circle(264, 244, 6, dark),
  ].join('');
}

function stackingRings({ main, dark, light, accent }: Palette, choose: Choose): string {
  const fills = [main, accent, light, '#f2c14e', dark];
  const first = choose(fills.length);
  const rings = [0, 1, 2, 3].map((n) => {
    const width = 190 - n * 30;
    return rect(200 - width / 2, 268 - n * 44, width, 42, 21, fills[(first + n) % fills.length] ?? main);
  });
  return [
    rect(192, 96, 16, 220, 8, '#c99a66') + rect(92, 308, 216, 18, 9, '#c99a66'),
    ...rings,
    circle(200, 104, 22, accent),
  ].join('');
}

function blocks({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const signs = [
    (x: number, y: number) => circle(x, y, 20, paper),
    (x: number, y: number) => shape(`M${x} ${y - 24} l24 44 h-48Z`, paper),
    (x: number, y: number) => rect(x - 18, y - 18, 36, 36, 6, paper),
    (x: number, y: number) => line(`M${x - 18} ${y} h36 M${x} ${y - 18} v36`, 11, paper),
  ];
  const block = (x: number, y: number, fill: string) =>
    rect(x, y, 92, 92, 12, fill) + (signs[choose(signs.length)]?.(x + 46, y + 46) ?? '');
  return [
    block(104, 234, main) + block(202, 234, accent),
    `<g transform="rotate(${choose(16) - 8} 200 186)">${block(150, 140, dark)}</g>`,
    shape('M146 136 L196 66 L246 136Z', light),
  ].join('');
}

function pencilCup({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const fills = [accent, '#f2c14e', dark, light];
  const pencils = [-16, -4, 9, 20].map((angle, n) => {
    const top = 92 + choose(36);
    const tip = `${shape(`M190 ${top} l10 -26 l10 26Z`, '#e8c9a0')}${shape(`M196 ${top - 16} l4 -10 l4 10Z`, '#2a2d36')}`;
    return `<g transform="rotate(${angle} 200 300)">${rect(190, top, 20, 200, 2, fills[n] ?? main)}${tip}</g>`;
  });
  return [
    ...pencils,
    shape('M128 196 H272 L262 312 Q261 326 248 326 H152 Q139 326 138 312Z', main),
    rect(124, 188, 152, 20, 8, dark),
    rect(162, 236, 76, 50, 8, paper) + rect(176, 250, 48, 7, 3, light) + rect(176, 265, 30, 7, 3, light),
  ].join('');
}

function notebook({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const rings = Array.from({ length: 8 }, (_, n) => rect(104, 104 + n * 27, 32, 9, 4, '#8b909c'));
  return [
    rect(126, 82, 168, 244, 12, paper) + rect(118, 78, 168, 244, 12, main),
    rect(246 - choose(3) * 20, 78, 15, 244, 0, accent),
    rect(150, 116, 76, 54, 8, paper) + rect(162, 130, 52, 7, 3, light) + rect(162, 146, 34, 7, 3, light),
    ...rings,
    `<g transform="rotate(24 312 220)">${rect(304, 118, 17, 176, 6, dark)}${shape('M304 292 l8.5 28 l8.5 -28Z', '#e8c9a0')}</g>`,
  ].join('');
}

function tent({ main, dark, light, accent }: Palette, choose: Choose): string {
  const sky = [
    circle(296, 104, 27, '#f7d774'),
    shape('M290 70 a34 34 0 1 0 30 52 a28 28 0 1 1 -30 -52Z', '#f7e3a1'),
  ];
  return [
    sky[choose(2)],
    shape('M40 326 L112 198 L168 280 L206 232 L268 326Z', light),
    shape('M62 326 L200 132 L338 326Z', main) + shape('M200 132 L338 326 H262Z', dark),
    shape('M200 176 L246 326 H154Z', '#2a2d36') + shape('M200 176 L154 326 H178Z', accent),
    line('M200 132 V110 M62 326 l-18 6 M338 326 l18 6', 5, dark) + shape('M200 92 l30 11 l-30 11Z', accent),
  ].join('');
}

function compass({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const ticks = Array.from(
    { length: 12 },
    (_, n) => `<g transform="rotate(${n * 30} 200 214)">${line('M200 134 v10', n % 3 ? 3 : 6, dark)}</g>`,
  );
  return [
    rect(184, 78, 32, 34, 8, dark) + line('M184 70 a17 17 0 1 1 32 0', 7, accent),
    circle(200, 214, 112, main) + circle(200, 214, 92, paper),
    ...ticks,
    `<g transform="rotate(${choose(12) * 30 + 15} 200 214)">${shape('M200 146 L218 214 H182Z', accent)}${shape('M200 282 L218 214 H182Z', dark)}</g>`,
    circle(200, 214, 9, light),
  ].join('');
}

function backpack({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  return [
    line('M164 98 q0 -44 36 -44 q36 0 36 44', 14, dark),
    rect(88, 190, 34, 110, 16, dark) + rect(278, 190, 34, 110, 16, dark),
    rect(108, 88, 184, 238, 62, main),
    shape('M108 176 Q108 88 170 88 H230 Q292 88 292 176Z', light),
    rect(134, 214, 132, 92, 20, dark) + line('M146 238 h108', 6, accent),
    rect(162, 158, 16, 48, 5, accent) + rect(222, 158, 16, 48, 5, accent),
    choose(2) === 1 ? circle(200, 128, 15, paper) : rect(178, 118, 44, 20, 6, paper),
  ].join('');
}

function tote({ main, dark, accent, paper }: Palette, choose: Choose): string {
  const prints = [
    circle(200, 246, 36, accent),
    line('M162 246 q19 -36 38 0 t38 0 M162 272 q19 -36 38 0 t38 0', 9, accent),
    shape('M200 206 l14 28 l30 4 l-22 22 l6 30 l-28 -15 l-28 15 l6 -30 l-22 -22 l30 -4Z', accent),
    rect(166, 214, 30, 30, 4, accent) + rect(204, 252, 30, 30, 4, accent) + circle(219, 229, 15, paper),
  ];
  return [
    line('M154 176 V126 q0 -58 46 -58 q46 0 46 58 V176', 13, dark),
    shape('M100 164 H300 L314 308 Q315 326 298 326 H102 Q85 326 86 308Z', main),
    shape('M100 164 H300 L301 180 H99Z', dark),
    prints[choose(prints.length)],
  ].join('');
}

function dropper({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const leaf = 'M200 292 Q168 268 200 234 Q232 268 200 292Z';
  return [
    rect(184, 58, 32, 52, 16, dark) + rect(170, 102, 60, 36, 8, accent),
    rect(130, 146, 140, 180, 30, main) + shape('M160 150 Q164 134 176 134 H224 Q236 134 240 150Z', main),
    rect(130, 206, 140, 92, 0, paper),
    choose(2) === 1 ? shape(leaf, accent) : circle(200, 256, 22, accent) + circle(200, 256, 12, paper),
    rect(168, 216, 64, 8, 4, light),
    line('M146 176 v16', 9, light),
  ].join('');
}

function candle({ main, dark, light, accent, paper }: Palette, choose: Choose): string {
  const height = 112 + choose(4) * 14;
  const top = 326 - height;
  return [
    `<circle cx="200" cy="${top - 46}" r="58" fill="#ffe9a8" opacity=".55"/>`,
    shape(`M200 ${top - 84} q30 38 0 62 q-30 -24 0 -62Z`, '#f4a742'),
    shape(`M200 ${top - 58} q14 20 0 34 q-14 -14 0 -34Z`, '#fff3c9'),
    line(`M200 ${top - 24} v24`, 5, '#2a2d36'),
    rect(122, top, 156, height, 18, main),
    `<ellipse cx="200" cy="${top + 6}" rx="78" ry="15" fill="${light}"/>`,
    rect(152, top + 44, 96, 52, 8, paper) + rect(168, top + 58, 64, 8, 4, accent),
    rect(180, top + 74, 40, 7, 3, dark),
  ].join('');
}
