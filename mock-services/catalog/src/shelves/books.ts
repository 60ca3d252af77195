import type { Shelf } from './shelf.ts';

const hardcover = { name: 'hardcover', sentence: 'Thread-stitched, with a ribbon.' };
const paperback = { name: 'paperback', sentence: 'A paperback that stays open on the table.' };
const illustrated = { name: 'illustrated edition', sentence: 'Forty drawings were made for this edition.' };
const largePrint = { name: 'large print', sentence: 'Set in generous type on paper that does not shine.' };
const signed = { name: 'signed copy', sentence: 'Signed by the author on the title page.' };

export const books: Shelf = {
  id: 'books',
  name: 'Books',
  joint: ': ',
  series: [
    'Salt and Slate',
    'The Long Orchard',
    'Winter Wheat',
    'A Map of Small Rivers',
    'Lanterns at Noon',
    'The Clockmaker of Tallinn',
    'Seven Kinds of Quiet',
    'Northern Kitchens',
    'Paper Harbours',
    'What the Heron Saw',
  ],
  things: [
    {
      name: 'a novel',
      euros: [11, 26],
      finishes: [hardcover, paperback, illustrated, largePrint, signed],
      sentence: 'Two sisters inherit a house by the sea, and a debt that nobody talks about.',
    },
    {
      name: 'a cookbook',
      euros: [22, 45],
      finishes: [hardcover, paperback, illustrated],
      sentence: 'Eighty recipes that work on a weekday evening, each with its own photograph.',
    },
    {
      name: 'a field guide',
      euros: [16, 34],
      finishes: [hardcover, paperback, illustrated, largePrint],
      sentence: 'More than three hundred species, painted from life, with maps of where to look.',
    },
    {
      name: 'collected essays',
      euros: [14, 29],
      finishes: [hardcover, paperback, illustrated, signed],
      sentence: 'Short pieces about work, weather and the art of going for a walk.',
    },
    {
      name: 'a crime story',
      euros: [10, 19],
      finishes: [hardcover, paperback, largePrint],
      sentence: 'Inspector Maarten takes the night ferry, and so does somebody else.',
    },
    {
      name: "a children's book",
      euros: [12, 22],
      finishes: [hardcover, illustrated],
      sentence: 'Read it aloud once and you will be asked for it every night.',
    },
    {
      name: 'a travel diary',
      euros: [15, 32],
      finishes: [hardcover, paperback, illustrated, signed],
      sentence: 'Eleven weeks by train, from the last stop in the north to the first in the south.',
    },
    {
      name: 'poems',
      euros: [9, 21],
      finishes: [hardcover, paperback, illustrated, signed],
      sentence: 'Sixty poems to keep in a coat pocket.',
    },
  ],
  closers: [
    'Printed on recycled paper.',
    'Longlisted for three prizes, winner of one.',
    'Our booksellers could not put it down.',
  ],
};
