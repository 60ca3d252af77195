import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { checkHistory, type Verdict } from './check-history.ts';
import { faultsOfReads, injectFaults } from './inject-faults.fixture.ts';
import { recordHistory, setInitialValues, untilCaughtUp } from './record-history.fixture.ts';
import type { ShopUnderTest } from './shop-under-test.fixture.ts';

export interface Run {
  readonly shop: ShopUnderTest;
  readonly products: readonly string[];
  readonly seconds: number;
  readonly seed: number;
}

/** The bound of every route. */
export const boundMs = 2_000;

/**
 * Records a history under faults and judges it. Says what it counted; a history with a violation is left in a file, with
 * the faults and the seed.
 */
export async function runHistory(
  test: TestContext,
  { shop, products, seconds, seed }: Run,
): Promise<Verdict> {
  test.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const clients = { withToken: 6, without: 2 };
  const initial = await setInitialValues(shop, products);
  const signal = AbortSignal.timeout(seconds * 1_000);
  const [recorded, faults] = await Promise.all([
    recordHistory({ shop, fronts: shop.fronts, products, clients, random, signal }),
    injectFaults(faultsOfReads(shop), createRandom(seed + 1), signal),
  ]);
  const unanswered = Object.values(recorded.unanswered).reduce((sum, one) => sum + one, 0);
  const verdict = checkHistory(recorded.events, initial, boundMs);
  const withToken = recorded.events.filter((event) => event.tokenIn !== undefined).length;
  const { answers, values, writes, violations, seenAfterMs } = verdict;
  const count = (...rules: string[]) => violations.filter(({ rule }) => rules.includes(rule)).length;
  const after = seenAfterMs.toSorted((a, b) => a - b);
  const quantile = (share: number) => after[Math.floor((after.length - 1) * share)]?.toFixed(1);
  test.diagnostic(
    `${answers} answers with ${values} values, ${withToken} to a token, ${unanswered} unanswered; ${writes} writes, ` +
      `${faults.kills} kills, ${faults.cuts} cuts`,
  );
  test.diagnostic(
    `${count('stale', 'resurrected')} stale, ${count('backward')} backward, ${count('lost')} lost, ` +
      `${count('unwritten')} unwritten; ${verdict.backwardWithoutToken} backward without a token; ` +
      `oldest ${verdict.oldestMs.toFixed(0)} ms; commit to seen ${quantile(0.5)} ms at p50, ${quantile(0.99)} ms at p99`,
  );
  if (violations.length > 0) {
    const file = join(tmpdir(), `portico-history-${seed}.json`);
    writeFileSync(file, JSON.stringify({ seed, initial, violations, faults, ...recorded }));
    assert.fail(`${violations.length} violations, in ${file}: ${JSON.stringify(violations.slice(0, 3))}`);
  }
  try {
    await untilCaughtUp({ fronts: shop.fronts, products }, recorded.events);
  } catch (error) {
    test.diagnostic(JSON.stringify({ unanswered: recorded.unanswered, happened: faults.happened }));
    throw error;
  }
  return verdict;
}
