import { test } from 'node:test';
import { fuzzGateway } from './fuzz.fixture.ts';

test('20,000 requests made at random change nothing', async (t) => {
  const seed = 20_261;
  t.diagnostic(`seed ${seed}`);
  await fuzzGateway({ seed, count: 20_000 });
});
