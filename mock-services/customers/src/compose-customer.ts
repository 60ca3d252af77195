/** How many customers the shop begins with: `c1` to `c200`. */
export const customerCount = 200;

const firstNames =
  'Ada Grace Mateo Noor Ingrid Kofi Yuki Leila Tomás Priya Ewa Samuel Mei Ole Fatima Luca Zofia Arjun Chloé Dmitri ' +
  'Amara Björn Carmen Hiroshi Nadia Pavel Sofia Tariq Maeve Emeka Lotte Diego Aisha Jonas Elif Ravi Hanna Marco ' +
  'Thandi Oskar Beatriz Minh Klara Youssef Aoife Stefan Lucía Kenji Marta Ibrahim Freya Andrei Nia Gustav Rosa ' +
  'Imran Tuuli Paolo Sade Henrik Ines Jin Astrid Kwame Vera Rafael Siobhán Anders Layla Bruno Magda Daichi Elena ' +
  'Omar Saga Viktor Zainab Felix Camila Matti Ruth Sanjay Greta Malik Olivia Pekka Nour Julian Asha Émile Wanjiru ' +
  'Theo Milena Hassan Ida Joaquín Linh Agnes Cyrus Edith';
const names = firstNames.split(' ');

// In this order customers c1 and c2 are Ada L. and Grace H.
const initials = 'LAMBKRSHTDNPVGCFOEWJZIYU';

/** The customer with the id `c<number>`, from 1. */
export function composeCustomer(number: number): { id: string; display_name: string } {
  const index = number - 1;
  const initial = initials[(index * 7) % initials.length];
  return { id: `c${number}`, display_name: `${names[index % names.length]} ${initial}.` };
}
