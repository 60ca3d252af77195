import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NewRecord, Position } from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode, Requirement } from '@portico/change-stream/node/change-node.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createSimulatedHub } from '@portico/change-stream/node/simulated-hub.fixture.ts';
import { everythingChanged } from '@portico/contracts/events/change-event.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import fc from 'fast-check';
import type { CacheEntry, CacheStore } from '../cache-store.ts';
import { fenceRules } from '../fence-rules.ts';
import type { Answer } from '../fill-keys.ts';
import { type AnsweredRead, type CacheRead, createReadCache, type ReadCache } from '../read-cache.ts';
import {
  changeKinds,
  createSimulatedSource,
  isAffected,
  type Key,
  type SimulatedSource,
  type Transaction,
  tagOf,
  toEventSource,
  toPublicEvents,
} from './simulated-source.fixture.ts';

/** What can be taken out of the design, to see what it is for. */
export type LeftOut =
  | 'fence check'
  | 'visibility check'
  | 'epoch'
  | 'replica identity full'
  | 'join rule'
  | 'what was seen';

const boundMs = 2_000;
/** What a service call may take; the bound is much longer. */
const fillMs = 500;

/** How much an answer has of each source that it was made from: so many of the transactions that show. */
type Content = Readonly<Record<string, number>>;

/** What can be read: something of one source, several things of one in one go, or a page with something of two. */
interface Thing {
  readonly name: string;
  readonly isPage?: boolean;
  readonly parts: readonly Key[];
}

/** What a client carries from answer to answer. */
interface Client {
  token: Requirement;
  /** What it must see: the transactions that it has seen, or made. */
  known: Set<Transaction>;
}

interface Parked {
  readonly beganAt: number;
  step(): void;
  fail(): void;
}

interface Process {
  readonly node: ChangeNode;
  readonly cache: ReadCache;
  readonly connection: ReturnType<ReturnType<typeof createSimulatedHub>['connect']>;
  readonly ending: AbortController;
  reconnect: () => void;
}

const noToken: Requirement = { position: undefined, commits: [], seen: [] };

export const operations = [
  ['commit', 10],
  ['command', 4],
  ['begin', 1],
  ['show', 10],
  ['beat', 6],
  ['capture', 16],
  ['captureAgain', 1],
  ['deliver', 16],
  ['redeliver', 1],
  ['read', 14],
  ['readWithToken', 14],
  ['fill', 24],
  ['slowStore', 1],
  ['store', 6],
  ['pass', 6],
  ['cut', 1],
  ['mend', 3],
  ['restart', 1],
  ['restore', 1],
] as const;

export interface Operation {
  readonly name: (typeof operations)[number][0];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Any steps; `more` gives operations another weight. */
export const stepsWith = (
  more: Partial<Record<Operation['name'], number>> = {},
): fc.Arbitrary<Operation[]> => {
  const names = operations.map(([name, weight]) => ({
    arbitrary: fc.constant(name),
    weight: more[name] ?? weight,
  }));
  const operation = fc.record({ name: fc.oneof(...names), a: fc.nat(13), b: fc.nat(11), c: fc.nat(11) });
  return fc.array(operation, { minLength: 1, maxLength: 150, size: 'max' });
};

const pick = <T>(from: readonly T[], at: number): T => {
  const picked = from[at % from.length];
  if (picked === undefined) throw new Error('there is nothing to pick');
  return picked;
};

/** How often something happened, so that a test can see that nothing was passed over. */
export type Tally = Map<string, number>;

/**
 * Two processes, a level that they share, two databases, capture and hub, of which only the node and the cache are real.
 * Each operation is one step of one of them; each answer is held against the guarantees.
 * @throws what was broken
 */
export async function play(steps: readonly Operation[], leftOut: LeftOut | undefined, tally: Tally) {
  let time = 1_000_000;
  const now = () => time;
  const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1);
  const sources = ['a', 'b'].map((name) => createSimulatedSource(name, now));
  const sourceOf = (name: string) =>
    pick(
      sources,
      sources.findIndex(({ source }) => source === name),
    );
  const eventSources = sources.map(({ source }) => toEventSource(source));
  const captures = sources.map(() => ({ at: 0, needsSnapshot: false }));
  const hub = createSimulatedHub();
  for (const { source } of sources) {
    hub.say({ source, committedAt: now(), offset: { log: source, at: '0' }, xmin: '1' });
  }
  const clients: Client[] = [0, 1].map(() => ({ token: noToken, known: new Set() }));
  const fills = new Set<Parked>();
  const store = createSlowStore();
  const broken: string[] = [];
  const [a, b] = sources.map(({ keys }) => keys);
  const things: Thing[] = [
    ...sources.flatMap(({ keys }) => keys.map((key) => ({ name: tagOf(key), parts: [key] }))),
    ...[a, b].map((keys = []) => ({ name: 'many', parts: [pick(keys, 0), pick(keys, 3)] })),
    ...[0, 3].map((at) => ({
      name: `page ${at}`,
      isPage: true,
      parts: [pick(a ?? [], at), pick(b ?? [], at)],
    })),
  ];

  const start = (): Process => {
    const connection = hub.connect();
    const ending = new AbortController();
    const process = { connection, ending, reconnect: () => {} };
    const node = createChangeNode({
      hub: connection.hub,
      sources: eventSources,
      boundMs,
      clockSkewMs: 0,
      windowRecords: 6,
      log: silentLogger,
      now,
      steadyNow: now,
      pause: (_ms, signal) =>
        new Promise((resolve, reject) => {
          process.reconnect = resolve;
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    });
    const cache = createReadCache({
      maxBytes: 1_000_000,
      shared: store,
      node,
      ttlMs: 1_000,
      now,
      fillTimeoutMs: 60_000,
      requirementWaitMs: 0,
      rules: {
        ...fenceRules,
        ...(leftOut === 'join rule' && { mayTake: () => true }),
        ...(leftOut === 'epoch' && { prefixOf: () => 'at:' }),
        ...(leftOut === 'fence check' && {
          notCurrent: (entry, known) =>
            entry.sources.every((source) => known?.isTrusted(source)) ? undefined : ('distrusted' as const),
        }),
      },
    });
    return Object.assign(process, { node, cache });
  };
  const processes = [start(), start()];

  /** A call to a service, which reads at one step and answers at another. */
  const callService = (source: SimulatedSource, signal: AbortSignal) =>
    new Promise<number>((resolve, reject) => {
      let read: number | undefined;
      const parked = {
        beganAt: now(),
        step: () => {
          if (read === undefined) read = source.shown.length;
          else {
            fills.delete(parked);
            resolve(read);
          }
        },
        fail: () => {
          fills.delete(parked);
          reject(new Error('the call took too long'));
        },
      };
      fills.add(parked);
      signal.addEventListener('abort', parked.fail);
    });

  /** Reads keys of one source in one go. */
  const readParts = (
    { cache }: Process,
    keys: readonly Key[],
    signal: AbortSignal,
    requires: Requirement | undefined,
  ): Promise<CacheRead<Content>[]> => {
    const { source } = pick(keys, 0);
    const fill = async (names: readonly string[], fillSignal: AbortSignal): Promise<Answer<Content>[]> => {
      const shown = await callService(sourceOf(source), fillSignal);
      return names.map((name) => ({ value: { [source]: shown }, tags: [name] }));
    };
    return cache.readMany(keys.map(tagOf), fill, { signal, sources: [source], requires });
  };

  const readPage = async (
    process: Process,
    { name, parts }: Thing,
    signal: AbortSignal,
    requires: Requirement | undefined,
  ): Promise<CacheRead<Content>[]> => {
    const fill = async (_keys: readonly string[], fillSignal: AbortSignal): Promise<Answer<Content>[]> => {
      const reads = (
        await Promise.all(parts.map((key) => readParts(process, [key], fillSignal, requires)))
      ).flat();
      const made = reads.map((read) => ('value' in read ? read : undefined));
      const fences = made.flatMap((read) => read?.fence ?? []);
      const isWhole = made.every(
        (read) => read?.fence?.epoch === fences[0]?.epoch && read?.fence !== undefined,
      );
      if (made.includes(undefined)) throw new Error('a part is missing');
      return [
        {
          value: Object.assign({}, ...made.map((read) => read?.value)),
          tags: parts.map(tagOf),
          fence: fences.toSorted((one, other) => one.number - other.number)[0],
          seen: made.flatMap((read) => read?.seen ?? []),
          keep: isWhole,
        },
      ];
    };
    return await process.cache.readMany([name], fill, {
      signal,
      sources: parts.map(({ source }) => source),
      isWhole: true,
      requires,
    });
  };

  const forgetToken = (client: Client) => {
    client.token = noToken;
    client.known = new Set();
  };

  /** A token of another epoch than the process has is none. */
  const present = (client: Client, { node }: Process): Requirement => {
    const { epoch } = node.applied ?? {};
    const { position } = client.token;
    if (epoch !== undefined && position !== undefined && epoch !== position.epoch) forgetToken(client);
    return leftOut === 'what was seen' ? { ...client.token, seen: [] } : client.token;
  };

  /** Folds what is applied here into the position, which is not below what is applied here then. */
  const fold = ({ position, commits, seen }: Requirement, { node }: Process): Requirement => {
    const { applied } = node;
    if (applied === undefined || (position !== undefined && position.epoch !== applied.epoch)) {
      return { position, commits, seen };
    }
    return {
      position: position !== undefined && position.number > applied.number ? position : applied,
      commits: commits.filter((commit) => !node.hasApplied(commit)),
      seen: seen.filter((sight) => !node.hasSeen(sight)),
    };
  };

  const receive = (client: Client, read: AnsweredRead<Content>, process: Process) => {
    const { fence, seen = [], value } = read;
    const epoch = client.token.position?.epoch;
    if (fence !== undefined && epoch !== undefined && fence.epoch !== epoch) forgetToken(client);
    const { token } = client;
    const position = (token.position?.number ?? -1) >= (fence?.number ?? -1) ? token.position : fence;
    client.token = fold({ position, commits: token.commits, seen: [...token.seen, ...seen] }, process);
    for (const [source, shown] of Object.entries(value)) {
      for (const transaction of sourceOf(source).shown.slice(0, shown)) client.known.add(transaction);
    }
  };

  const check = (
    { name, parts }: Thing,
    read: AnsweredRead<Content>,
    arrival: {
      at: number;
      applied: Position | undefined;
      known: ReadonlySet<Transaction> | undefined;
      waitsForNone: boolean;
    },
  ) => {
    const isHit = read.source === 'memory' || read.source === 'shared';
    for (const key of parts) {
      const { shown, log } = sourceOf(key.source);
      const has = new Set(shown.slice(0, read.value[key.source]));
      const covered = arrival.applied === undefined ? 0 : hub.coverage(arrival.applied, key.source);
      for (const each of log) {
        if (!('changes' in each) || has.has(each) || !isAffected(each, key)) continue;
        const what = `${name} from ${read.source} lacks transaction ${each.xid} of ${key.source}`;
        const since = isHit ? each.committedAt : (each.visibleAt ?? Number.POSITIVE_INFINITY);
        // What waits for others of its read was looked up when the read began.
        const asked = isHit && arrival.waitsForNone ? now() : arrival.at;
        if (since < asked - boundMs) broken.push(`guarantee 1: ${what}, which is ${asked - since} ms old`);
        if (each.wal <= covered) broken.push(`guarantee 2: ${what}, which was applied`);
        if (arrival.known?.has(each)) broken.push(`guarantee 3: ${what}, which the client had seen`);
      }
    }
  };

  const begin = (thing: Thing, process: Process, client: Client | undefined) => {
    const requires = client && present(client, process);
    const arrival = {
      at: now(),
      applied: process.node.applied,
      known: client && new Set(client.known),
      waitsForNone: thing.isPage || thing.parts.length === 1,
    };
    const { signal } = process.ending;
    const reading = thing.isPage
      ? readPage(process, thing, signal, requires)
      : readParts(process, thing.parts, signal, requires);
    reading.then(
      (reads) => {
        for (const [at, read] of reads.entries()) {
          count('value' in read ? read.source : 'failed');
          if (!('value' in read)) continue;
          check(thing.isPage ? thing : { ...thing, parts: [pick(thing.parts, at)] }, read, arrival);
          if (client !== undefined) receive(client, read, process);
        }
      },
      () => {},
    );
  };

  const capture = (at: number) => {
    const source = pick(sources, at);
    const state = pick(captures, at);
    const base = { source: source.source, committedAt: now() };
    const id = (wal: number, index: number) => `${source.source}:${wal}:${index}`;
    const offset = (wal: number) => ({ log: source.source, at: String(wal) });
    if (state.needsSnapshot) {
      state.needsSnapshot = false;
      const data = { before: null, after: null };
      const events = [{ id: id(state.at, 0), type: everythingChanged, key: '', data }];
      hub.append({ ...base, offset: offset(state.at), xid: '1', events });
      return;
    }
    const entry = source.log[state.at];
    if (entry === undefined) return;
    if ('xmin' in entry) {
      hub.say({
        ...base,
        offset: offset(entry.wal),
        committedAt: entry.committedAt,
        xmin: String(entry.xmin),
      });
    } else {
      if (entry.visibleAt === undefined && leftOut !== 'visibility check') return;
      const published = pick(eventSources, at);
      const events = toPublicEvents(entry, published, leftOut !== 'replica identity full').map(
        (event, index) => ({ ...event, id: id(entry.wal, index) }),
      );
      const record: NewRecord = {
        ...base,
        offset: offset(entry.wal),
        committedAt: entry.committedAt,
        xid: String(entry.xid),
        events,
      };
      hub.append(record);
    }
    state.at += 1;
  };

  const showOne = (source: SimulatedSource, at: number) => {
    source.showOne(at);
    // A command is answered when its commit shows, which may have been because somebody waited for it.
    for (const transaction of source.shown) {
      const client = transaction.client === undefined ? undefined : clients[transaction.client];
      if (client === undefined || answered.has(transaction)) continue;
      answered.add(transaction);
      client.known.add(transaction);
      const commit = { source: source.source, xid: String(transaction.xid) };
      client.token = { ...client.token, commits: [...client.token.commits, commit] };
    }
  };
  const answered = new Set<Transaction>();

  const perform: Record<Operation['name'], (operation: Operation) => unknown> = {
    commit: ({ a, b, c }) => pick(sources, a).commit(pick(changeKinds, b), c, undefined),
    command: ({ a, b, c }) => pick(sources, a).commit(pick(changeKinds, b), c, c % clients.length),
    begin: ({ a }) => pick(sources, a).begin(),
    show: ({ a, b }) => showOne(pick(sources, a), b),
    beat: ({ a }) => pick(sources, a).beat(),
    capture: ({ a, b }) => {
      for (let step = 0; step <= b % 4; step += 1) capture(a);
    },
    captureAgain: ({ a, b }) => {
      const state = pick(captures, a);
      if (!state.needsSnapshot) state.at = Math.max(0, state.at - 1 - (b % 3));
    },
    deliver: ({ a, b }) => pick(processes, a).connection.deliver(1 + (b % 4), 0),
    redeliver: ({ a, b, c }) => pick(processes, a).connection.deliver(b % 2, c % 4),
    read: ({ a, b }) => begin(pick(things, a), pick(processes, b), undefined),
    readWithToken: ({ a, b, c }) => begin(pick(things, a), pick(processes, b), pick(clients, c)),
    fill: ({ a, b }) => {
      for (let step = 0; step <= b % 3 && fills.size > 0; step += 1) pick([...fills], a).step();
    },
    slowStore: ({ a }) => store.setSlow(a % 2 === 0),
    store: ({ a }) => store.step(a),
    pass: ({ a, b }) => {
      time += a === 0 ? 1_000 * b : a * 20;
      for (const parked of [...fills]) if (now() - parked.beganAt > fillMs) parked.fail();
    },
    cut: ({ a }) => pick(processes, a).connection.cut(),
    mend: ({ a }) => {
      const process = pick(processes, a);
      process.connection.mend();
      process.reconnect();
    },
    restart: async ({ a }) => {
      const at = a % processes.length;
      await stop(pick(processes, at));
      processes[at] = start();
    },
    restore: ({ a }) => {
      // Not always, so that there are long lives of one log too.
      if (a > 3) return;
      hub.restore(Math.max(0, hub.size() - a));
      for (const state of captures) state.needsSnapshot = true;
      for (const { reconnect } of processes) reconnect();
    },
  };

  const stop = async ({ node, ending }: Process) => {
    ending.abort(new Error('the process stops'));
    await node.close();
  };

  try {
    await nextTurn();
    for (const [at, operation] of steps.entries()) {
      count(operation.name);
      await perform[operation.name](operation);
      await nextTurn();
      if (broken.length > 0) throw new Error(`step ${at + 1}: ${broken[0]}`);
    }
  } finally {
    store.setSlow(false);
    for (const parked of [...fills]) parked.fail();
    await Promise.all(processes.map(stop));
  }
}

/** A shared level whose answers and writes come at steps of their own, in any order, while it is slow. */
function createSlowStore() {
  const entries = new Map<string, Uint8Array>();
  const waiting: (() => void)[] = [];
  let isSlow = false;
  const atAStep = <T>(work: () => T) =>
    new Promise<T>((resolve) => {
      const step = () => resolve(work());
      if (isSlow) waiting.push(step);
      else step();
    });
  const store: CacheStore = {
    name: 'shared',
    getMany: (keys) => atAStep(() => keys.map((key) => entries.get(key))),
    setMany: (given: readonly CacheEntry[]) =>
      atAStep(() => {
        for (const { key, bytes, ttlMs } of given) if (ttlMs > 0) entries.set(key, bytes);
      }),
    close: async () => {},
  };
  return {
    ...store,
    setSlow: (slow: boolean) => {
      isSlow = slow;
      if (!slow) for (const step of waiting.splice(0)) step();
    },
    step: (at: number) => {
      const [step] = waiting.splice(at % Math.max(1, waiting.length), 1);
      step?.();
    },
  };
}
