import type { Shelf } from './shelf.ts';

const slateGrey = { name: 'slate grey', sentence: 'Slate grey with reflecting details that show at night.' };
const signalRed = { name: 'signal red', sentence: 'Signal red, because being seen is half of it.' };
const racingGreen = { name: 'racing green', sentence: 'Racing green under a clear coat that lasts.' };
const rawAluminium = { name: 'raw aluminium', sentence: 'Raw aluminium, brushed and sealed.' };
const black = { name: 'black', sentence: 'Black from end to end.' };

export const bikes: Shelf = {
  id: 'bikes',
  name: 'Bikes',
  series: [
    'Velora',
    'Cobble',
    'Ridge & Co',
    'Sprint 52',
    'Pavé',
    'Tandem Works',
    'Lowrider',
    'Cadence',
    'Gravelhaus',
    'Ostwind',
  ],
  things: [
    {
      name: 'city bike',
      euros: [499, 1299],
      sizes: ['S', 'M', 'L'],
      finishes: [slateGrey, signalRed, racingGreen, rawAluminium, black],
      sentence: 'Eight gears in the hub, lights from a dynamo, nothing to think about.',
    },
    {
      name: 'bike helmet',
      euros: [49, 149],
      sizes: ['S', 'M', 'L'],
      finishes: [slateGrey, signalRed, racingGreen, black],
      sentence: 'A dial at the back makes it sit, and sixteen vents keep it cool.',
    },
    {
      name: 'pannier',
      euros: [39, 129],
      sizes: ['12 l', '20 l'],
      finishes: [slateGrey, signalRed, racingGreen, black],
      sentence: 'Clicks on and off with one hand.',
    },
    {
      name: 'front light',
      euros: [24, 89],
      sizes: ['40 lux', '80 lux'],
      finishes: [slateGrey, rawAluminium, black],
      sentence: 'Lights the road and not the eyes of those who come towards you.',
    },
    {
      name: 'floor pump',
      euros: [29, 79],
      finishes: [slateGrey, signalRed, rawAluminium, black],
      sentence: 'A wide foot and a long stroke: from flat to firm in a minute.',
    },
    {
      name: 'folding lock',
      euros: [49, 119],
      sizes: ['85 cm', '110 cm'],
      finishes: [slateGrey, rawAluminium, black],
      sentence: 'Folds to the size of a hand and rides along on the frame.',
    },
    {
      name: 'saddle',
      euros: [39, 159],
      finishes: [slateGrey, black],
      sentence: 'Shaped for upright riding and long days.',
    },
    {
      name: 'repair kit',
      euros: [15, 45],
      finishes: [slateGrey, racingGreen, signalRed, black],
      sentence: 'Everything a flat tyre asks for, rolled into one small bag.',
    },
  ],
  closers: [
    'Tested on cobbles, in rain and by couriers.',
    'All parts follow the common standards.',
    'Spares for ten years, promised.',
  ],
};
