import type { Shelf } from './shelf.ts';

const waxedCanvas = { name: 'waxed canvas', sentence: 'Waxed canvas that sheds rain and gathers character.' };
const cognacLeather = {
  name: 'cognac leather',
  sentence: 'Full-grain leather in cognac, sewn with thick thread.',
};
const black = { name: 'black', sentence: 'Black, inside and out, with metal zips.' };
const olive = { name: 'olive', sentence: 'Olive green twill, woven tightly.' };
const undyedCotton = { name: 'undyed cotton', sentence: 'Undyed cotton with a double bottom.' };

export const bags: Shelf = {
  id: 'bags',
  name: 'Bags & Travel',
  series: [
    'Harrow',
    'Portmanteau',
    'Via',
    'Canal Street',
    'Quayside',
    'Fold',
    'Errand',
    'Wayfarer',
    'Satchel & Son',
    'Meridian',
  ],
  things: [
    {
      name: 'backpack',
      euros: [59, 189],
      sizes: ['16 l', '22 l', '28 l'],
      finishes: [waxedCanvas, cognacLeather, black, olive, undyedCotton],
      sentence: 'A sleeve for the laptop, a pocket for the rest.',
    },
    {
      name: 'tote bag',
      euros: [19, 79],
      finishes: [waxedCanvas, cognacLeather, black, olive, undyedCotton],
      sentence: 'Long enough handles for a winter coat.',
    },
    {
      name: 'weekender',
      euros: [89, 289],
      sizes: ['32 l', '45 l'],
      finishes: [waxedCanvas, cognacLeather, olive, undyedCotton],
      sentence: 'Fits under the seat in front and holds three days.',
    },
    {
      name: 'shoulder bag',
      euros: [49, 159],
      finishes: [waxedCanvas, cognacLeather, black, olive, undyedCotton],
      sentence: 'Wear it across and forget that it is there.',
    },
    {
      name: 'wash bag',
      euros: [22, 59],
      finishes: [waxedCanvas, black, olive, undyedCotton],
      sentence: 'Hangs from any hook and keeps wet from dry.',
    },
    {
      name: 'wallet',
      euros: [29, 89],
      finishes: [cognacLeather, black, olive, undyedCotton],
      sentence: 'Eight cards, some notes, and nothing that bulges.',
    },
    {
      name: 'packing cubes',
      euros: [24, 54],
      sizes: ['set of 3', 'set of 5'],
      finishes: [black, olive, undyedCotton],
      sentence: 'Order in the case, also on the way home.',
    },
    {
      name: 'cabin case',
      euros: [129, 329],
      sizes: ['36 l', '40 l'],
      finishes: [black, undyedCotton],
      sentence: 'Four quiet wheels and a handle that does not wobble.',
    },
  ],
  closers: [
    'Whatever wears out can be replaced.',
    'Made in a small workshop in Porto.',
    'Better after a year than on the first day.',
  ],
};
