import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { recordAt } from '@portico/change-stream/hub/event-hub.contract.ts';
import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { openTestLake } from './lake.fixture.ts';

const program = fileURLToPath(new URL('./lake-process.fixture.ts', import.meta.url));

const steps = [
  'write',
  'before sync',
  'after sync',
  'before rename',
  'after rename',
  'before manifest',
  'after manifest',
  'anywhere',
] as const;

/**
 * A writer of a new lake is killed at every step, while two sources append and the hub lets go of what it may. After each
 * kill the lake is clean; in the end it holds what was appended, in the hub's order.
 * @returns how many records that were
 */
export async function killLakeWriters(hubUrl: string, random: () => number): Promise<number> {
  const hub = createPostgresEventHub({ url: hubUrl, log: silentLogger });
  const lake = await openTestLake();
  const never = new AbortController().signal;
  const sources = ['catalog', 'orders'] as const;
  const writers = await Promise.all(sources.map((source) => hub.writer(source, never)));
  const { epoch, first } = await hub.range();
  const all: HubRecord[] = [];
  const appendSome = async () => {
    const one = random() < 0.5 ? 0 : 1;
    const from = (await hub.range()).last + 1;
    const count = 1 + Math.floor(random() * 20);
    await writers[one]?.append(
      Array.from({ length: count }, (_, index) => recordAt(sources[one], from + index)),
    );
  };
  /** Writes down what the hub has before it lets go of what it may. */
  const trim = async () => {
    all.push(...(await hub.read({ epoch, number: first - 1 + all.length }, 100_000)));
    await hub.trim(Number.MAX_SAFE_INTEGER);
  };
  try {
    for (const step of steps) {
      const nth = String(1 + Math.floor(random() * 4));
      const child = fork(program, [hubUrl, lake.dir, step, nth]);
      const end = once(child, 'exit');
      if (step === 'anywhere') {
        child.once('message', () => setTimeout(() => child.kill('SIGKILL'), random() * 200));
      }
      // It has to have something to do until it is dead.
      while (child.exitCode === null && child.signalCode === null) {
        await appendSome();
        await delay(10);
      }
      assert.deepEqual(await end, [null, 'SIGKILL']);
      const { code, stdout } = await lake.portico('verify');
      assert.equal(code, 0, `killed at ${step}: ${stdout}`);
      await trim();
    }
    await appendSome();
    await trim();
    await lake.write(hub).until(first - 1 + all.length);
    assert.deepEqual(await lake.records(), all);
    assert.equal((await lake.portico('verify')).code, 0);
    return all.length;
  } finally {
    await lake.remove();
    await Promise.all(writers.map((writer) => writer.release()));
    await hub.close();
  }
}
