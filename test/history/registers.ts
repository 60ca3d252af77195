import type { Read, Write } from './history.ts';

type Acknowledged = Write & { readonly acknowledged: number };

/** What was written to one key, and which process has shown what of it. */
export interface Register {
  readonly initial: number;
  /** Whether the value was there before the history, or its writer had begun by then. */
  wasInvoked(value: number, by: number): boolean;
  /** The first of the acknowledged writes above this value; all of its successors are later. */
  firstAcknowledgedAbove(value: number): Acknowledged | undefined;
  /** When the process first showed a value above this one; infinite if it never did. */
  shownSince(process: string, value: number): number;
}

/** The registers of a history; `learn` tells them what was read. */
export function createRegisters(writes: readonly Write[], initial: Readonly<Record<string, number>>) {
  const writesOf = Map.groupBy(writes, ({ key }) => key);
  const shown = new Map<string, Map<string, Shown[]>>();
  const registers = new Map<string, Register>();

  const create = (key: string): Register => {
    const own = writesOf.get(key) ?? [];
    const invoked = new Map(own.map((write) => [write.value, write.invoked]));
    const acknowledged = own.filter(isAcknowledged);
    acknowledged.sort((a, b) => a.value - b.value);
    const first = initial[key] ?? Number.NaN;
    return {
      initial: first,
      wasInvoked: (value, by) => value === first || (invoked.get(value) ?? Number.POSITIVE_INFINITY) <= by,
      firstAcknowledgedAbove: (value) => acknowledged[firstIndex(acknowledged, (one) => one.value > value)],
      shownSince: (process, value) => {
        const steps = shown.get(key)?.get(process) ?? [];
        return steps[firstIndex(steps, (step) => step.value > value)]?.at ?? Number.POSITIVE_INFINITY;
      },
    };
  };
  const of = (key: string): Register => {
    const register = registers.get(key) ?? create(key);
    registers.set(key, register);
    return register;
  };

  return {
    of,
    learn: (reads: readonly Read[]): void => {
      for (const { at, received, values } of reads.toSorted((a, b) => a.received - b.received)) {
        for (const [key, value] of Object.entries(values)) showed(shown, key, at, { value, at: received });
      }
    },
    seenAfterMs: (): number[] =>
      [...shown].flatMap(([key, processes]) => {
        const known = (writesOf.get(key) ?? []).filter(isAcknowledged);
        return [...processes.values()].flatMap((steps) =>
          known.flatMap(({ value, acknowledged }) => {
            const step = steps[firstIndex(steps, (one) => one.value >= value)];
            return step === undefined ? [] : [Math.max(0, step.at - acknowledged)];
          }),
        );
      }),
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

function showed(all: Map<string, Map<string, Shown[]>>, key: string, process: string, step: Shown): void {
  const ofKey = all.get(key) ?? new Map<string, Shown[]>();
  all.set(key, ofKey);
  const steps = ofKey.get(process) ?? [];
  ofKey.set(process, steps);
  if (step.value > (steps.at(-1)?.value ?? Number.NEGATIVE_INFINITY)) steps.push(step);
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
