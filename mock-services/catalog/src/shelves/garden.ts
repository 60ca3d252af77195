import type { Shelf } from './shelf.ts';

const galvanised = { name: 'galvanised steel', sentence: 'Galvanised steel stands outside all winter.' };
const terracotta = { name: 'terracotta', sentence: 'Terracotta breathes, and roots like that.' };
const larch = { name: 'larch', sentence: 'Untreated larch turns silver in its second summer.' };
const forged = { name: 'forged steel', sentence: 'Forged in one piece by a smithy of four.' };
const mossGreen = {
  name: 'moss green',
  sentence: 'Powder-coated in moss green, it vanishes among the leaves.',
};

export const garden: Shelf = {
  id: 'garden',
  name: 'Garden',
  series: [
    'Fennel',
    'Old Mill',
    'Thistle',
    'Greenhouse No. 4',
    'Barrow',
    'Rill',
    'Meadowlark',
    'Cottage',
    'Loam',
    'Willow End',
  ],
  things: [
    {
      name: 'hand trowel',
      euros: [14, 39],
      finishes: [galvanised, forged, terracotta, mossGreen],
      sentence: 'Depth marks on the blade tell you how deep the bulb sits.',
    },
    {
      name: 'pruning shears',
      euros: [24, 79],
      finishes: [forged, mossGreen],
      sentence: 'They close without a sound and cut without a bruise.',
    },
    {
      name: 'watering can',
      euros: [22, 69],
      sizes: ['3 l', '6 l', '9 l'],
      finishes: [galvanised, mossGreen],
      sentence: 'The rose gives a rain so fine that seedlings stay upright.',
    },
    {
      name: 'raised bed',
      euros: [59, 189],
      sizes: ['80 × 40 cm', '120 × 80 cm'],
      finishes: [galvanised, larch, mossGreen],
      sentence: 'Goes together without tools in ten minutes.',
    },
    {
      name: 'plant pot',
      euros: [12, 58],
      sizes: ['14 cm', '22 cm', '32 cm'],
      finishes: [galvanised, terracotta, mossGreen],
      sentence: 'With a hole below and a saucer to match.',
    },
    {
      name: 'bird feeder',
      euros: [19, 54],
      finishes: [galvanised, larch, mossGreen],
      sentence: 'A wide roof keeps the seeds dry and the squirrels puzzled.',
    },
    {
      name: 'seed collection',
      euros: [12, 28],
      sizes: ['herbs', 'salads', 'wildflowers'],
      sentence: 'Twelve kinds, sorted by the month in which to sow them.',
    },
    {
      name: 'garden bench',
      euros: [129, 389],
      sizes: ['2 seats', '3 seats'],
      finishes: [larch, mossGreen],
      sentence: 'Broad armrests have room for a cup.',
    },
  ],
  closers: [
    'Chosen by people with soil under their nails.',
    'Packed without plastic.',
    'For balconies as well as for orchards.',
  ],
};
