/** A place in the hub's log, after a whole record or, with an id, inside one: after what it did to this id. */
export interface ChangePlace {
  readonly number: number;
  readonly id?: string | undefined;
}

/** The last change of one thing. */
export interface LastChange {
  /** Of its record in the hub's log. */
  readonly number: number;
  readonly id: string;
}

/** When each thing changed last, in that order: one number a thing, however often it changed. */
export interface ChangeOrder {
  /** Takes the next record. @returns up to where it had to forget, if it did, as there were too many things */
  add(number: number, ids: Iterable<string>): number | undefined;
  /** Takes changes from before all that it has, in descending order; only of things that it doesn't know are they the last ones. */
  addOlder(changes: readonly LastChange[]): void;
  /** The first `limit` of what changed last after the place, by number, then by id. */
  after(place: ChangePlace, limit: number): LastChange[];
}

/** @param maxThings how many it remembers at the most */
export function createChangeOrder(maxThings: number): ChangeOrder {
  let last = new Map<string, number>();
  /** In order; of a thing that has changed again since, the entry counts no more. */
  let changes: LastChange[] = [];
  const isLast = ({ number, id }: LastChange) => last.get(id) === number;

  const forgetHalf = () => {
    changes = changes.filter(isLast);
    const forgotten = changes.splice(0, Math.ceil(changes.length / 2));
    last = new Map(changes.map(({ number, id }) => [id, number]));
    return forgotten.at(-1)?.number;
  };

  return {
    add: (number, ids) => {
      for (const id of [...ids].sort()) {
        last.set(id, number);
        changes.push({ number, id });
      }
      if (last.size > maxThings) return forgetHalf();
      if (changes.length > 2 * last.size + 1_000) changes = changes.filter(isLast);
      return undefined;
    },
    addOlder: (descending) => {
      const older: LastChange[] = [];
      for (const change of descending) {
        if (last.has(change.id)) continue;
        last.set(change.id, change.number);
        older.push(change);
      }
      changes = [...older.reverse(), ...changes];
    },
    after: (place, limit) => {
      const found: LastChange[] = [];
      for (let at = firstAfter(changes, place); at < changes.length && found.length < limit; at += 1) {
        const change = changes[at];
        if (change !== undefined && isLast(change)) found.push(change);
      }
      return found;
    },
  };
}

function firstAfter(changes: readonly LastChange[], place: ChangePlace): number {
  let [from, to] = [0, changes.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isAfter(changes[middle] as LastChange, place)) to = middle;
    else from = middle + 1;
  }
  return from;
}

function isAfter(change: LastChange, { number, id }: ChangePlace): boolean {
  if (change.number !== number) return change.number > number;
  return id !== undefined && change.id > id;
}
