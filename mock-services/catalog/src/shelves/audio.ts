import type { Shelf } from './shelf.ts';

const graphite = { name: 'graphite', sentence: 'Graphite housings keep resonance low.' };
const sand = { name: 'sand', sentence: 'The sand finish is dyed through, so scratches hardly show.' };
const oak = { name: 'oak veneer', sentence: 'Real oak veneer makes it a piece of furniture.' };
const midnightBlue = { name: 'midnight blue', sentence: 'Midnight blue, with details in brushed aluminium.' };
const white = { name: 'white', sentence: 'Plain white disappears on any shelf.' };

export const audio: Shelf = {
  id: 'audio',
  name: 'Audio',
  series: [
    'Halden',
    'Sonder',
    'Tremolo',
    'Kite',
    'Overtone',
    'Nocturne',
    'Parlour',
    'Echo Bay',
    'Lumen Sound',
    'Forte',
  ],
  things: [
    {
      name: 'over-ear headphones',
      euros: [79, 349],
      finishes: [graphite, sand, midnightBlue, white],
      sentence: 'Forty-millimetre drivers play wide and calm, with detail where it counts.',
    },
    {
      name: 'in-ear headphones',
      euros: [39, 199],
      finishes: [graphite, sand, midnightBlue, white],
      sentence: 'Four sizes of tips come along, so one will sit right.',
    },
    {
      name: 'bookshelf speakers',
      euros: [149, 699],
      sizes: ['pair'],
      finishes: [graphite, sand, oak, white],
      sentence: 'A ported cabinet gives more bass than its size suggests.',
    },
    {
      name: 'portable speaker',
      euros: [49, 229],
      sizes: ['small', 'large'],
      finishes: [graphite, sand, midnightBlue, white],
      sentence: 'Twenty hours of music from one charge, rain or shine.',
    },
    {
      name: 'turntable',
      euros: [189, 799],
      finishes: [graphite, sand, oak, white],
      sentence: 'A belt drive and a heavy platter keep the speed steady.',
    },
    {
      name: 'desktop amplifier',
      euros: [129, 499],
      finishes: [graphite, sand, midnightBlue],
      sentence: 'Clean power for speakers and headphones, with one large knob.',
    },
    {
      name: 'kitchen radio',
      euros: [59, 189],
      finishes: [graphite, sand, oak, white],
      sentence: 'DAB+ and FM with six buttons for the stations you love.',
    },
    {
      name: 'microphone',
      euros: [69, 279],
      finishes: [graphite, sand, midnightBlue, white],
      sentence: 'Plug it in and sound like yourself.',
    },
  ],
  closers: [
    'Everything that wears can be replaced without special tools.',
    'Tuned by ear in small rooms, for small rooms.',
    'Three years of guarantee.',
  ],
};
