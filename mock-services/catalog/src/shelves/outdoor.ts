import type { Shelf } from './shelf.ts';

const pineGreen = { name: 'pine green', sentence: 'Dyed in pine green without water.' };
const ochre = { name: 'ochre', sentence: 'A warm ochre that is easy to find in the fog.' };
const granite = { name: 'granite', sentence: 'Granite grey ripstop that stops a tear where it starts.' };
const recycledNylon = { name: 'recycled nylon', sentence: 'Recycled nylon, made from old fishing nets.' };
const stormBlue = { name: 'storm blue', sentence: 'Storm blue with a matt lining.' };

export const outdoor: Shelf = {
  id: 'outdoor',
  name: 'Outdoor',
  series: [
    'Tarn',
    'Highfell',
    'Bivouac',
    'Sula',
    'Nomad Nord',
    'Cairn',
    'Estuary',
    'Trailhead',
    'Lichen',
    'Polaris',
  ],
  things: [
    {
      name: 'tent',
      euros: [149, 489],
      sizes: ['1 person', '2 persons', '3 persons'],
      finishes: [pineGreen, ochre, recycledNylon, stormBlue],
      sentence: 'Stands in four minutes, also for one pair of hands.',
    },
    {
      name: 'sleeping bag',
      euros: [99, 349],
      sizes: ['regular', 'long'],
      finishes: [pineGreen, ochre, granite, recycledNylon, stormBlue],
      sentence: 'Comfortable down to freezing, and small in the pack.',
    },
    {
      name: 'camping stove',
      euros: [39, 119],
      finishes: [granite],
      sentence: 'Boils a litre in three minutes and folds flat.',
    },
    {
      name: 'insulated bottle',
      euros: [22, 49],
      sizes: ['0.5 l', '0.75 l', '1 l'],
      finishes: [pineGreen, ochre, granite, stormBlue],
      sentence: 'Hot for twelve hours, cold for twenty-four.',
    },
    {
      name: 'head torch',
      euros: [25, 89],
      sentence: 'Three hundred lumens, a red light, and a switch for gloves.',
    },
    {
      name: 'rain jacket',
      euros: [89, 279],
      sizes: ['S', 'M', 'L', 'XL'],
      finishes: [pineGreen, ochre, recycledNylon, stormBlue],
      sentence: 'Taped seams and vents under the arms.',
    },
    {
      name: 'hammock',
      euros: [35, 95],
      finishes: [pineGreen, ochre, recycledNylon, stormBlue],
      sentence: 'Two straps, two trees, one afternoon.',
    },
    {
      name: 'picnic blanket',
      euros: [29, 79],
      sizes: ['140 × 200 cm'],
      finishes: [pineGreen, ochre, recycledNylon, stormBlue],
      sentence: 'Dry below, soft above, rolled up in a moment.',
    },
  ],
  closers: [
    'Tried out on the long paths of the north.',
    'We repair it for as long as you own it.',
    'Light enough to take along, sturdy enough to rely on.',
  ],
};
