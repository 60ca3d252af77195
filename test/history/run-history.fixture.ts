import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { createHistoryChecker, type HistoryChecker, type Verdict } from './check-history.ts';
import type { Event } from './history.ts';
import { faultsOfReads, injectFaults, type Rest } from './inject-faults.fixture.ts';
import { recordHistory, setInitialValues, untilCaughtUp } from './record-history.fixture.ts';
import type { ShopUnderTest } from './shop-under-test.fixture.ts';

export interface Run {
  readonly shop: ShopUnderTest;
  readonly products: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly rest?: Rest;
}

/** The bound of every route. */
export const boundMs = 2_000;

/** So many of the last events are left with the first violation. */
const lastEvents = 20_000;

/**
 * Records a history under faults and judges it. Says what it counted; of a history with violations they, what happened before
 * the first one, the faults and the seed are left in a file.
 */
export async function runHistory(
  test: TestContext,
  { shop, products, seconds, seed, rest }: Run,
): Promise<Verdict> {
  test.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const clients = { withToken: 40, without: 24 };
  const initial = await setInitialValues(shop, products);
  const signal = AbortSignal.timeout(seconds * 1_000);
  const checker = createHistoryChecker(initial, boundMs);
  let recent: Event[] = [];
  const watched: Pick<HistoryChecker, 'add' | 'judgeBefore'> = {
    add: (event) => {
      checker.add(event);
      if (checker.violations.length > 0) return;
      recent.push(event);
      if (recent.length > 2 * lastEvents) recent = recent.slice(-lastEvents);
    },
    judgeBefore: checker.judgeBefore,
  };
  const [{ unanswered, hits, last }, faults] = await Promise.all([
    recordHistory({ shop, fronts: shop.fronts, products, clients, checker: watched, random, signal }),
    injectFaults(faultsOfReads(shop), createRandom(seed + 1), signal, rest),
  ]);
  const verdict = checker.end();
  const { answers, values, writes, withToken, violations, seenAfterMs } = verdict;
  const without = Object.values(unanswered).reduce((sum, one) => sum + one, 0);
  const count = (...rules: string[]) => violations.filter(({ rule }) => rules.includes(rule)).length;
  const after = seenAfterMs.toSorted((a, b) => a - b);
  const quantile = (share: number) => after[Math.floor((after.length - 1) * share)]?.toFixed(1);
  test.diagnostic(
    `${answers} answers (${Math.round(answers / seconds)} a second) with ${values} values, ${withToken} to a token, ` +
      `${hits} from a cache, ${without} unanswered; ${writes} writes, ${faults.kills} kills, ${faults.cuts} cuts`,
  );
  test.diagnostic(
    `${count('stale', 'resurrected')} stale, ${count('backward')} backward, ${count('lost')} lost, ` +
      `${count('unwritten')} unwritten; ${verdict.backwardWithoutToken} backward without a token; ` +
      `oldest ${verdict.oldestMs.toFixed(0)} ms; commit to seen ${quantile(0.5)} ms at p50, ${quantile(0.99)} ms at p99`,
  );
  if (violations.length > 0) {
    const file = join(tmpdir(), `portico-history-${seed}.json`);
    writeFileSync(file, JSON.stringify({ seed, initial, violations, faults, unanswered, events: recent }));
    assert.fail(`${violations.length} violations, in ${file}: ${JSON.stringify(violations.slice(0, 3))}`);
  }
  try {
    await untilCaughtUp(shop.fronts, last);
  } catch (error) {
    test.diagnostic(JSON.stringify({ unanswered, happened: faults.happened }));
    throw error;
  }
  return verdict;
}
