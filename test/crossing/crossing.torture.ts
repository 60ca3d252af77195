import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { assertAllHappened, describeTally, sumUp, type Tally } from './tally.fixture.ts';

/** `CROSSING_ANSWERS` and `CROSSING_SEED` make it shorter, or throw the same dice again. */
const { CROSSING_ANSWERS: answers = '1000000', CROSSING_SEED = String(Date.now() % 2 ** 31) } = process.env;
/** Each has a gateway, BFFs, services and a Redis of its own. */
const processes = 6;
/** So many answers are between two lines that tell of them. */
const toldEvery = 50_000;

test(`of ${answers} answers none has anything of another user`, async (t) => {
  const began = performance.now();
  const seed = Number(CROSSING_SEED);
  t.diagnostic(`CROSSING_SEED=${seed}`);
  const latest = new Map<number, Tally>();
  const total = () => sumUp([...latest.values()]);
  const tell = () => `${describeTally(total())}, ${((performance.now() - began) / 1_000).toFixed(0)} s`;
  let told = 0;
  const run = async (at: number) => {
    const own = { answers: Math.ceil(Number(answers) / processes), seed: seed + at };
    const options = JSON.stringify({ ...own, atOnce: 12, happensEvery: 200 });
    const child = fork(new URL('./crossing-process.fixture.ts', import.meta.url), [options]);
    t.after(() => child.kill());
    child.on('message', (tally) => {
      latest.set(at, tally as Tally);
      if (total().answers < told + toldEvery) return;
      told = total().answers;
      process.stderr.write(`${tell()}\n`);
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`the process of the seed ${seed + at} ended with ${code}: it said why`);
  };
  await Promise.all(Array.from({ length: processes }, (_, at) => run(at)));
  t.diagnostic(tell());
  assertAllHappened(total());
});
