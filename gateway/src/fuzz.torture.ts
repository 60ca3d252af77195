import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { fuzzGateway } from './fuzz.fixture.ts';

test('a million requests made at random change nothing', async (t) => {
  const seed = Number(process.env.PORTICO_FUZZ_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`seed ${seed}`);
  await fuzzGateway({ seed, count: 1_000_000 });
});
