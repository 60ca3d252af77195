import type { Shelf } from './shelf.ts';

const opalGlass = { name: 'opal glass', sentence: 'Opal glass, mouth-blown in Bohemia.' };
const brass = { name: 'brass', sentence: 'Solid brass that darkens with time, or shines if you polish it.' };
const linen = { name: 'linen', sentence: 'The linen shade is sewn by hand.' };
const blackSteel = { name: 'black steel', sentence: 'Powder-coated steel in deep black.' };
const birch = { name: 'birch', sentence: 'Bent birch, thin enough to glow.' };

export const lighting: Shelf = {
  id: 'lighting',
  name: 'Lighting',
  series: [
    'Dusk',
    'Pollen',
    'Halo',
    'Lykta',
    'Arc & Stem',
    'Gloam',
    'Candela',
    'Paper Moon',
    'Vesper',
    'Tallow',
  ],
  things: [
    {
      name: 'desk lamp',
      euros: [49, 169],
      finishes: [opalGlass, brass, blackSteel],
      sentence: 'Three joints put the light exactly on the page.',
    },
    {
      name: 'pendant lamp',
      euros: [69, 289],
      sizes: ['30 cm', '45 cm'],
      finishes: [opalGlass, brass, linen, blackSteel, birch],
      sentence: 'It lights the table and leaves the faces soft.',
    },
    {
      name: 'floor lamp',
      euros: [99, 349],
      finishes: [brass, linen, blackSteel, birch],
      sentence: 'A heavy foot, a slender stem and a shade that turns.',
    },
    {
      name: 'bedside lamp',
      euros: [35, 99],
      finishes: [opalGlass, brass, linen, birch],
      sentence: 'Touch it once to read, twice to doze.',
    },
    {
      name: 'string lights',
      euros: [19, 59],
      sizes: ['5 m', '10 m'],
      sentence: 'Warm white, on a cable that may stay outside.',
    },
    {
      name: 'wall light',
      euros: [45, 149],
      finishes: [opalGlass, brass, blackSteel, birch],
      sentence: 'Throws its light up and down and keeps the wall free of glare.',
    },
    {
      name: 'candle holder',
      euros: [12, 48],
      sizes: ['set of 2', 'set of 3'],
      finishes: [brass, blackSteel, birch, opalGlass],
      sentence: 'Low enough to see each other across the table.',
    },
    {
      name: 'night light',
      euros: [15, 39],
      finishes: [opalGlass, birch],
      sentence: 'Knows when it is dark and when somebody gets up.',
    },
  ],
  closers: [
    'Designed to be taken apart, mended and kept.',
    'A warm light, the colour of late afternoon.',
    'Assembled by hand in a workshop of nine.',
  ],
};
