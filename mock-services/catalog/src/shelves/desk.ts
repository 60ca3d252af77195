import type { Shelf } from './shelf.ts';

const cork = { name: 'cork', sentence: 'Cork from Portugal, warm to the touch.' };
const navyCloth = { name: 'navy cloth', sentence: 'Covered in navy cloth with a stamped edge.' };
const leather = {
  name: 'vegetable-tanned leather',
  sentence: 'Vegetable-tanned leather that takes on its own shine.',
};
const kraft = { name: 'kraft', sentence: 'Plain kraft board, to be written on.' };
const felt = { name: 'anthracite felt', sentence: 'Anthracite felt, pressed from wool.' };

export const desk: Shelf = {
  id: 'desk',
  name: 'Desk & Paper',
  series: [
    'Folio',
    'Quire',
    'Margin',
    'Inkwell',
    'Pencil & Post',
    'Ledger',
    'Carta',
    'Studio Blank',
    'Marginalia',
    'Atelier 9',
  ],
  things: [
    {
      name: 'notebook',
      euros: [9, 29],
      sizes: ['A6', 'A5', 'A4'],
      finishes: [cork, navyCloth, leather, kraft],
      sentence: 'Lies flat, takes ink, and has numbered pages.',
    },
    {
      name: 'fountain pen',
      euros: [24, 149],
      sizes: ['fine', 'medium'],
      sentence: 'Starts at the first stroke, even after a week in a drawer.',
    },
    {
      name: 'desk organiser',
      euros: [26, 79],
      finishes: [cork, leather, kraft, felt],
      sentence: 'A place for the pen, the phone and the note that must not get lost.',
    },
    {
      name: 'pencil set',
      euros: [8, 27],
      sizes: ['6 pieces', '12 pieces'],
      finishes: [kraft],
      sentence: 'From 4H to 6B, with leads that do not break in the sharpener.',
    },
    {
      name: 'weekly planner',
      euros: [14, 32],
      sizes: ['dated', 'undated'],
      finishes: [cork, navyCloth, leather, kraft],
      sentence: 'One week on two pages, with room for what comes up.',
    },
    {
      name: 'letter set',
      euros: [11, 25],
      sizes: ['20 sheets'],
      sentence: 'Heavy paper with lined envelopes, for the letters that matter.',
    },
    {
      name: 'desk mat',
      euros: [29, 89],
      sizes: ['60 × 40 cm', '90 × 45 cm'],
      finishes: [cork, leather, felt],
      sentence: 'Soft under the wrist and quiet under the mouse.',
    },
    {
      name: 'pen case',
      euros: [19, 54],
      finishes: [navyCloth, leather, felt, cork],
      sentence: 'Three loops inside keep the pens from meeting.',
    },
  ],
  closers: [
    'Good paper and good tools, at a fair price.',
    'Made to last for decades.',
    'Made by a family of bookbinders.',
  ],
};
