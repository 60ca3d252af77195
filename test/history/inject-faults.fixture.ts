import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '@portico/runtime/seeded-random.ts';
import type { Front, ShopUnderTest, Unkillable } from './shop-under-test.fixture.ts';

type Pause = () => Promise<void>;

export interface Fault {
  readonly kind: 'kill' | 'cut';
  readonly name: string;
  /** Breaks something, waits for `pause`, and brings it back. */
  readonly happen: (pause: Pause) => Promise<void>;
}

export interface Faults {
  readonly kills: number;
  readonly cuts: number;
  /** What happened, and when: `[milliseconds, fault]`, by `performance.now()`. */
  readonly happened: readonly (readonly [number, string])[];
}

/** For how long everything is whole between two of them, in milliseconds at most. */
export interface Rest {
  readonly killsMs: number;
  readonly cutsMs: number;
}

/**
 * Kills one thing at a time, and cuts one stream at a time beside that, each of them once before any of them twice, until
 * the signal aborts; all is whole then.
 */
export async function injectFaults(
  all: readonly Fault[],
  random: Random,
  signal: AbortSignal,
  rest: Rest = { killsMs: 300, cutsMs: 300 },
): Promise<Faults> {
  const happened: [number, string][] = [];
  const wait = (ms: number) => delay(ms, undefined, { signal }).catch(() => {});
  const inject = async (faults: readonly Fault[], longestMs: number, restMs: number) => {
    let count = 0;
    for (let left = [...faults]; !signal.aborted && faults.length > 0; count++) {
      if (left.length === 0) left = [...faults];
      const [fault] = left.splice(Math.floor(random() * left.length), 1);
      // Some are over before anybody noticed, some last longer than the bound.
      const pauseMs = Math.round(random() ** 3 * longestMs);
      happened.push([performance.now(), `${fault?.name}, ${pauseMs} ms`]);
      await fault?.happen(() => wait(pauseMs));
      await wait(random() * restMs);
    }
    return count;
  };
  const [kills, cuts] = await Promise.all([
    inject(
      all.filter(({ kind }) => kind === 'kill'),
      500,
      rest.killsMs,
    ),
    inject(
      all.filter(({ kind }) => kind === 'cut'),
      4_000,
      rest.cutsMs,
    ),
  ]);
  return { kills, cuts, happened };
}

/** SIGKILL, and a new start after the pause. */
export function killOf(name: string, program: Unkillable): Fault {
  return { kind: 'kill', name: `kill ${name}`, happen: (pause) => program.kill(pause) };
}

/** What can break of that which reads go through. */
export function faultsOfReads({ catalog, inventory, capture, redis, fronts }: ShopUnderTest): Fault[] {
  const freeze = (name: string, program: Unkillable): Fault => ({
    // A frozen capture is a stream that is cut, a frozen BFF answers nobody.
    kind: program === capture ? 'cut' : 'kill',
    name: `freeze ${name}`,
    happen: (pause) => program.freeze(pause),
  });
  const cut = (front: Front, how: 'cut' | 'hang'): Fault => ({
    kind: 'cut',
    name: `${how} the stream of ${front.name}`,
    happen: async (pause) => {
      front.hub[how]();
      await pause();
      front.hub.mend();
    },
  });
  return [
    killOf('capture', capture),
    killOf('catalog', catalog),
    killOf('inventory', inventory),
    { kind: 'kill', name: 'kill Redis', happen: () => redis.crash() },
    freeze('capture', capture),
    ...fronts.flatMap((front) => [
      killOf(front.name, front),
      freeze(front.name, front),
      cut(front, 'cut'),
      cut(front, 'hang'),
    ]),
  ];
}
