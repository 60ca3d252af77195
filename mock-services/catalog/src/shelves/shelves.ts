import { audio } from './audio.ts';
import { bags } from './bags.ts';
import { bikes } from './bikes.ts';
import { books } from './books.ts';
import { coffee } from './coffee.ts';
import { desk } from './desk.ts';
import { garden } from './garden.ts';
import { kitchen } from './kitchen.ts';
import { lighting } from './lighting.ts';
import { outdoor } from './outdoor.ts';
import type { Shelf } from './shelf.ts';
import { toys } from './toys.ts';
import { wellness } from './wellness.ts';

/** The categories in the order in which the shop shows them. */
export const shelves: readonly Shelf[] = [
  coffee,
  kitchen,
  audio,
  books,
  garden,
  bikes,
  lighting,
  toys,
  desk,
  outdoor,
  bags,
  wellness,
];
