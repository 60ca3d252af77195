/** A customer whose data can be told from everybody else's by value. */
export interface Marked {
  readonly id: string;
  readonly name: string;
  /** What the numbers of the orders begin with, and of nobody else's. */
  readonly ordersBegin: string;
  /** Oldest first. */
  readonly orders: readonly string[];
}

export const customers: readonly [Marked, Marked] = [
  marked('c739182645', 'Quillfeather', 'o51840297'),
  marked('c826451937', 'Brambleworth', 'o94730618'),
];

function marked(id: string, name: string, ordersBegin: string): Marked {
  return { id, name, ordersBegin, orders: [1, 2, 3].map((n) => `${ordersBegin}${n}`) };
}

/** Whose marks an answer may have: a customer's id and name are in public below their reviews, their orders nowhere. */
export interface Allowed {
  readonly persons: readonly Marked[];
  readonly orders: readonly Marked[];
}

/** All that may not be in an answer, in text or as a part of something in base64. `secrets` may not be in any. */
export function marksBut({ persons, orders }: Allowed, secrets: readonly string[]): RegExp {
  const others = (of: readonly Marked[]) => customers.filter((each) => !of.includes(each));
  const ids = others(persons).map(({ id }) => id);
  const names = others(persons).map(({ name }) => name);
  const numbers = others(orders).map(({ ordersBegin }) => ordersBegin);
  return new RegExp(
    [...ids, ...names, ...numbers, ...[...ids, ...numbers].flatMap(inBase64), ...secrets].join('|'),
  );
}

/** All that only this customer's answers have. */
export function marksOf(customer: Marked): RegExp {
  const others = customers.filter((each) => each !== customer);
  return marksBut({ persons: others, orders: others }, []);
}

/** What is the same in the base64 of whatever the text stands in, at each of the three places where it can begin. */
export function inBase64(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from('x'.repeat(before) + text).toString('base64url');
    const isCut = (before + text.length) % 3 !== 0;
    return encoded.slice(Math.ceil((before * 8) / 6), isCut ? -1 : undefined);
  });
}
