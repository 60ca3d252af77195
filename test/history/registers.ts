import type { Write } from './history.ts';

type Acknowledged = Write & { readonly acknowledged: number };

/** What was written to one key, and which process has shown what of it. */
export interface Register {
  readonly initial: number;
  write(write: Write): void;
  /** A process showed a value; to be told in the order of the moments. */
  show(process: string, value: number, at: number): void;
  /** Whether the value was there before the history, or its writer had begun by then. */
  wasInvoked(value: number, by: number): boolean;
  /** The first of the acknowledged writes above this value; all of its successors are later. */
  firstAcknowledgedAbove(value: number): Acknowledged | undefined;
  /** When the process first showed a value above this one; infinite if it never did. */
  shownSince(process: string, value: number): number;
  /** From each acknowledgement to the first answer of each process that shows it or a later one, in milliseconds. */
  seenAfterMs(): number[];
}

/** The registers of a history. */
export function createRegisters(initial: Readonly<Record<string, number>>) {
  const registers = new Map<string, Register>();
  return {
    of: (key: string): Register => {
      const register = registers.get(key) ?? createRegister(initial[key] ?? Number.NaN);
      registers.set(key, register);
      return register;
    },
    seenAfterMs: (): number[] => [...registers.values()].flatMap((register) => register.seenAfterMs()),
  };
}

function createRegister(initial: number): Register {
  const invoked = new Map<number, number>();
  /** By growing values. */
  const acknowledged: Acknowledged[] = [];
  const shown = new Map<string, Shown[]>();

  return {
    initial,
    write: (write) => {
      invoked.set(write.value, write.invoked);
      if (!isAcknowledged(write)) return;
      acknowledged.splice(
        firstIndex(acknowledged, ({ value }) => value > write.value),
        0,
        write,
      );
    },
    show: (process, value, at) => {
      const steps = shown.get(process) ?? [];
      shown.set(process, steps);
      if (value > (steps.at(-1)?.value ?? Number.NEGATIVE_INFINITY)) steps.push({ value, at });
    },
    wasInvoked: (value, by) => value === initial || (invoked.get(value) ?? Number.POSITIVE_INFINITY) <= by,
    firstAcknowledgedAbove: (value) => acknowledged[firstIndex(acknowledged, (one) => one.value > value)],
    shownSince: (process, value) => {
      const steps = shown.get(process) ?? [];
      return steps[firstIndex(steps, (step) => step.value > value)]?.at ?? Number.POSITIVE_INFINITY;
    },
    seenAfterMs: () =>
      [...shown.values()].flatMap((steps) =>
        acknowledged.flatMap(({ value, acknowledged: since }) => {
          const step = steps[firstIndex(steps, (one) => one.value >= value)];
          return step === undefined ? [] : [Math.max(0, step.at - since)];
        }),
      ),
  };
}

function isAcknowledged(write: Write): write is Acknowledged {
  return write.acknowledged !== null;
}

/** A moment at which a process showed a higher value than ever before. */
interface Shown {
  readonly value: number;
  readonly at: number;
}

/** Of items that come to fulfil it at some index and do so from there on; their number if none does. */
function firstIndex<Item>(items: readonly Item[], fulfils: (item: Item) => boolean): number {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (fulfils(items[middle] as Item)) to = middle;
    else from = middle + 1;
  }
  return from;
}
