import type { Shelf } from './shelf.ts';

const steel = {
  name: 'brushed steel',
  sentence: 'Brushed steel shrugs off fingerprints and the dishwasher.',
};
const black = {
  name: 'matt black',
  sentence: 'The matt black coating is fired at high heat and does not chip.',
};
const stoneware = {
  name: 'stoneware',
  sentence: 'Every piece of stoneware is glazed by hand, so no two look alike.',
};
const copper = { name: 'copper', sentence: 'Copper warms quickly and grows more handsome with the years.' };
const glass = {
  name: 'borosilicate glass',
  sentence: 'Borosilicate glass takes sudden heat without complaint.',
};

export const coffee: Shelf = {
  id: 'coffee',
  name: 'Coffee & Tea',
  series: [
    'Kessel',
    'Morrow',
    'Tamp',
    'Alba',
    'Røst',
    'Fjord',
    'Sencha House',
    'Barista Nord',
    'Copper Lane',
    'Drift',
  ],
  things: [
    {
      name: 'pour-over kettle',
      euros: [39, 89],
      sizes: ['0.6 l', '0.9 l', '1.2 l'],
      finishes: [steel, black, copper],
      sentence: 'A slim swan neck puts the water exactly where you want it.',
    },
    {
      name: 'hand grinder',
      euros: [49, 139],
      finishes: [steel, black, copper],
      sentence: 'Forty click settings take it from Turkish to French press without guessing.',
    },
    {
      name: 'French press',
      euros: [24, 69],
      sizes: ['0.35 l', '1 l'],
      finishes: [steel, black, copper, glass],
      sentence: 'Two layers of mesh keep the grounds where they belong.',
    },
    {
      name: 'espresso cup set',
      euros: [18, 42],
      sizes: ['2 pieces', '4 pieces', '6 pieces'],
      finishes: [steel, stoneware, glass],
      sentence: 'Thick walls hold the heat for as long as an espresso lasts.',
    },
    {
      name: 'tea pot',
      euros: [22, 64],
      sizes: ['0.5 l', '0.8 l', '1.2 l'],
      finishes: [steel, black, stoneware, glass],
      sentence: 'The basket inside is large enough for leaves to open fully.',
    },
    {
      name: 'cold brew jar',
      euros: [19, 45],
      sizes: ['1 l', '1.5 l'],
      finishes: [glass],
      sentence: 'Fill it in the evening, pour it in the morning.',
    },
    {
      name: 'milk frother',
      euros: [16, 49],
      finishes: [steel, black, copper],
      sentence: 'Fine foam in twenty seconds, hot or cold.',
    },
    {
      name: 'dripper with stand',
      euros: [27, 75],
      sizes: ['1 to 2 cups', '2 to 4 cups'],
      finishes: [steel, stoneware, copper, glass],
      sentence: 'Spiral ribs let the coffee bloom evenly and drain freely.',
    },
  ],
  closers: [
    'Comes with a small guide to brewing.',
    'Spare parts are always in stock.',
    'Made for the first cup of the day and the last.',
  ],
};
