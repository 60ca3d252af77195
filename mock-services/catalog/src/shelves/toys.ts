import type { Shelf } from './shelf.ts';

const maple = { name: 'maple', sentence: 'Maple from the region, sanded until it feels like silk.' };
const rainbow = {
  name: 'rainbow',
  sentence: 'Colours on a water base, safe for those who taste everything.',
};
const beech = { name: 'natural beech', sentence: 'Natural beech, waxed with nothing but beeswax.' };
const pastel = { name: 'pastel', sentence: 'Five soft colours that go with each other.' };
const organicCotton = { name: 'organic cotton', sentence: 'Organic cotton, washable at 40 degrees.' };

export const toys: Shelf = {
  id: 'toys',
  name: 'Toys',
  series: [
    'Pip',
    'Otter & Friends',
    'Tumble',
    'Zebra Street',
    'Knoll',
    'Little Engine',
    'Marbello',
    'Round House',
    'Hopscotch',
    'Bruno',
  ],
  things: [
    {
      name: 'building blocks',
      euros: [24, 79],
      sizes: ['40 pieces', '80 pieces', '120 pieces'],
      finishes: [maple, rainbow, beech, pastel],
      sentence: 'Cut so precisely that towers stand until somebody decides otherwise.',
    },
    {
      name: 'marble run',
      euros: [39, 129],
      finishes: [maple, beech],
      sentence: 'Every track fits every other, in any order.',
    },
    {
      name: 'puzzle',
      euros: [12, 34],
      sizes: ['48 pieces', '100 pieces', '500 pieces'],
      finishes: [rainbow, pastel],
      sentence: 'Thick pieces that small hands can hold.',
    },
    {
      name: 'wooden train',
      euros: [29, 99],
      finishes: [maple, rainbow, beech, pastel],
      sentence: 'Magnets couple the wagons, and each has a load of its own.',
    },
    {
      name: 'hand puppet',
      euros: [16, 38],
      finishes: [organicCotton],
      sentence: 'A mouth that speaks and arms that hug.',
    },
    {
      name: 'memory game',
      euros: [11, 26],
      finishes: [maple, rainbow, pastel, beech],
      sentence: 'Thirty-six pairs, drawn by a friend of the house.',
    },
    {
      name: 'stacking boat',
      euros: [18, 44],
      finishes: [maple, rainbow, beech, pastel],
      sentence: 'Floats in the bath and stacks on the shelf.',
    },
    {
      name: 'kite',
      euros: [22, 59],
      finishes: [rainbow, pastel],
      sentence: 'Flies from the first breeze and folds to the size of an umbrella.',
    },
  ],
  closers: [
    'From three years, and no upper limit.',
    'Comes in a box that is worth keeping.',
    'Tested by a kindergarten next door.',
  ],
};
