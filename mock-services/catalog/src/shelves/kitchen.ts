import type { Shelf } from './shelf.ts';

const castIron = { name: 'cast iron', sentence: 'Cast iron holds its heat and gets better with every use.' };
const beech = {
  name: 'oiled beech',
  sentence: 'The beech comes from managed forests and is oiled, not lacquered.',
};
const walnut = { name: 'walnut', sentence: 'Walnut from a single trunk gives each piece its own grain.' };
const carbonSteel = {
  name: 'carbon steel',
  sentence: 'Carbon steel takes a keen edge and builds its own patina.',
};
const sageEnamel = { name: 'sage enamel', sentence: 'Two coats of sage enamel wipe clean with a cloth.' };

export const kitchen: Shelf = {
  id: 'kitchen',
  name: 'Kitchen',
  series: [
    'Hearth',
    'Nordkap',
    'Mise',
    'Olive & Ash',
    'Caldera',
    'Sous',
    'Pannier',
    'Linden',
    'Vela',
    'Stillwater',
  ],
  things: [
    {
      name: "chef's knife",
      euros: [35, 149],
      sizes: ['16 cm', '20 cm', '24 cm'],
      finishes: [beech, walnut, carbonSteel],
      sentence: 'Balanced at the bolster, it rocks through herbs and onions without effort.',
    },
    {
      name: 'frying pan',
      euros: [29, 119],
      sizes: ['20 cm', '24 cm', '28 cm'],
      finishes: [castIron, beech, carbonSteel, sageEnamel],
      sentence: 'A heavy base spreads the heat right to the rim.',
    },
    {
      name: 'casserole',
      euros: [59, 219],
      sizes: ['2.5 l', '4 l', '6 l'],
      finishes: [castIron, sageEnamel],
      sentence: 'The lid returns every drop of steam to the pot.',
    },
    {
      name: 'cutting board',
      euros: [19, 79],
      sizes: ['small', 'large'],
      finishes: [beech, walnut],
      sentence: 'A groove around the edge catches what would run off.',
    },
    {
      name: 'mixing bowl set',
      euros: [24, 68],
      sizes: ['3 pieces', '5 pieces'],
      finishes: [castIron, beech, walnut, sageEnamel],
      sentence: 'Nested they take the room of one.',
    },
    {
      name: 'salt and pepper mill pair',
      euros: [28, 84],
      finishes: [beech, walnut, castIron, carbonSteel],
      sentence: 'Ceramic grinders stay sharp for a lifetime.',
    },
    {
      name: 'bread tin',
      euros: [22, 58],
      sizes: ['1 kg', '1.5 kg'],
      finishes: [castIron, carbonSteel, sageEnamel],
      sentence: 'A slotted lid lets the loaf breathe and keeps the crust crisp.',
    },
    {
      name: 'measuring spoons',
      euros: [9, 24],
      finishes: [castIron, beech, walnut],
      sentence: 'From an eighth of a teaspoon to a full tablespoon, engraved so that it never wears off.',
    },
  ],
  closers: [
    'Made to be used every day.',
    'Care instructions are printed on the inside of the box.',
    'A present that gets used.',
  ],
};
