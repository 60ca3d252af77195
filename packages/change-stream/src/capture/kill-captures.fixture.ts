import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@portico/runtime/log.ts';
import type { TestPostgres } from '@portico/testing/engines.ts';
import type { DurableEventHub, HubRecord } from '../hub/event-hub.ts';
import { createPostgresEventHub } from '../hub/postgres-event-hub.ts';
import { openShop, type Shop } from './shop.fixture.ts';

export interface Kills {
  readonly postgres: TestPostgres;
  /** Databases of the source and of the hub. */
  readonly databases: readonly [things: string, hub: string];
  readonly kills: number;
  /** After how many kills the database server is killed as well. */
  readonly crashEvery: number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly writerLeaseMs: number;
}

export interface Survived {
  readonly commits: number;
  /** From each kill until another process follows, in milliseconds. */
  readonly takeoversMs: readonly number[];
}

/**
 * Two captures, of which the one that follows is killed at any moment, again and again, while four clients write.
 * Every transaction adds one to the row `clock`, whose lock is held until the commit: so the hub must hold its values
 * one after the other, without a gap, each once.
 */
export async function killCaptures(options: Kills): Promise<Survived> {
  const { postgres, databases, random } = options;
  const [source, hubDatabase] = databases.map((name) => String(postgres.databases[name])) as [string, string];
  const shop = await openShop(postgres.url, source);
  const hub = createPostgresEventHub({ url: hubDatabase, log: silentLogger });
  const captures = new CaptureProcesses([hubDatabase, shop.url, String(options.writerLeaseMs)]);
  const takeoversMs: number[] = [];
  try {
    await shop.sql(`insert into things (id) values ('clock'), ('w0'), ('w1'), ('w2'), ('w3')`);
    captures.start();
    await captures.oneFollows();
    captures.start();
    const writing = new AbortController();
    const writers = [0, 1, 2, 3].map((writer) => write(shop, writer, writing.signal));
    for (let kill = 1; kill <= options.kills; kill++) {
      await delay(random() * 400);
      if (kill % options.crashEvery === 0) await postgres.crash();
      const killedAt = performance.now();
      await captures.killTheOneThatFollows();
      captures.start();
      await captures.oneFollows();
      takeoversMs.push(performance.now() - killedAt);
    }
    writing.abort();
    await Promise.all(writers);
    const commits = await checkHistory(shop, hub);
    return { commits, takeoversMs };
  } finally {
    await captures.end();
    await hub.close();
    await shop.close();
  }
}

class CaptureProcesses {
  readonly #args: readonly string[];
  readonly #states = new Map<ChildProcess, string>();
  #changed = Promise.withResolvers<void>();

  constructor(args: readonly string[]) {
    this.#args = args;
  }

  start(): void {
    const child = fork(new URL('./capture-process.fixture.ts', import.meta.url), this.#args);
    this.#states.set(child, 'starting');
    child.on('message', (state) => {
      if (!this.#states.has(child)) return;
      this.#states.set(child, String(state));
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  async oneFollows(): Promise<ChildProcess> {
    for (;;) {
      const [found] = [...this.#states].find(([, state]) => state === 'following') ?? [];
      if (found !== undefined) return found;
      await this.#changed.promise;
    }
  }

  async killTheOneThatFollows(): Promise<void> {
    const child = await this.oneFollows();
    this.#states.delete(child);
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async end(): Promise<void> {
    const children = [...this.#states.keys()];
    this.#states.clear();
    await Promise.all(
      children.map((child) => {
        child.kill('SIGKILL');
        return child.exitCode ?? child.signalCode ?? once(child, 'exit');
      }),
    );
  }
}

async function write(shop: Shop, writer: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // While the server is away nobody knows whether it was committed; the clock tells.
    await shop
      .sql(`update things set value = value + 1 where id = 'w${writer}';
        update things set value = value + 1 where id = 'clock'`)
      .catch(() => delay(50));
  }
}

async function checkHistory(shop: Shop, hub: DurableEventHub): Promise<number> {
  const [end] = await shop.sql(
    `select value, pg_current_xact_id()::text as xid from things where id = 'clock'`,
  );
  const isToldAll = async () =>
    (await hub.progress()).some(({ xmin }) => BigInt(xmin) > BigInt(String(end?.xid)));
  while (!(await isToldAll())) await delay(20);

  const records: HubRecord[] = [];
  const { epoch, last } = await hub.range();
  while (records.length < last) records.push(...(await hub.read({ epoch, number: records.length }, 1_000)));
  const captured = records.filter(({ xid }) => xid !== '0');
  const values = captured.flatMap(({ events }) =>
    events.flatMap(({ key, data }) => (key === 'clock' ? [(data.after as { value: number }).value] : [])),
  );
  const commits = Number(end?.value);
  const first = Number(values[0]);
  assert.deepEqual(
    values,
    Array.from({ length: commits - first + 1 }, (_, index) => first + index),
  );
  for (const { events } of captured) assert.equal(events.length, 2, 'a transaction is whole');
  const ids = captured.flatMap(({ events }) => events.map(({ id }) => id));
  assert.equal(new Set(ids).size, ids.length);
  return commits;
}
