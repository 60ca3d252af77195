import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { createTargets, type Lease } from './targets.ts';

function targetsOf(names: readonly string[]) {
  const clock = { ms: 0 };
  const ejected: unknown[] = [];
  const targets = createTargets(names, {
    now: () => clock.ms,
    random: createRandom(7),
    onEjection: (target) => ejected.push(target),
  });
  /** Takes targets until each was taken often, and gives those that were. */
  const taken = () =>
    [
      ...new Set(
        Array.from({ length: 100 }, () => {
          const lease = targets.take() as Lease<string>;
          lease.end('unknown');
          return lease.target;
        }),
      ),
    ].sort();
  const fail = (name: string, times: number) => {
    for (let failed = 0; failed < times; ) {
      const lease = targets.take() as Lease<string>;
      const is = lease.target === name;
      lease.end(is ? 'bad' : 'good');
      if (is) failed += 1;
    }
  };
  return { targets, clock, ejected, taken, fail };
}

test('requests go to the target with fewer of them', () => {
  const { targets } = targetsOf(['a', 'b', 'c']);
  for (let n = 0; n < 300; n += 1) targets.take();
  const counts = targets.status().map(({ inFlight }) => inFlight);
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 10, String(counts));
});

test('a target that fails five times in a row is left out, longer each time', () => {
  const { clock, taken, fail, ejected } = targetsOf(['a', 'b', 'c']);
  fail('b', 4);
  assert.deepEqual(taken(), ['a', 'b', 'c']);
  fail('b', 1);
  assert.deepEqual(taken(), ['a', 'c']);
  clock.ms = 1_000;
  assert.deepEqual(taken(), ['a', 'b', 'c']);
  // On its return one failure is enough.
  fail('b', 1);
  clock.ms = 2_999;
  assert.deepEqual(taken(), ['a', 'c']);
  clock.ms = 3_000;
  assert.deepEqual(taken(), ['a', 'b', 'c']);
  assert.deepEqual(ejected, ['b', 'b']);
});

test('a good answer makes up for earlier failures', () => {
  const { targets, taken, fail } = targetsOf(['a', 'b']);
  fail('a', 4);
  let lease = targets.take();
  while (lease?.target !== 'a') {
    lease?.end('unknown');
    lease = targets.take();
  }
  lease.end('good');
  fail('a', 4);
  assert.deepEqual(taken(), ['a', 'b']);
});

test('when more than half are away, all are used', () => {
  const { taken, fail } = targetsOf(['a', 'b', 'c']);
  fail('a', 5);
  fail('b', 5);
  assert.deepEqual(taken(), ['a', 'b', 'c']);
});

test('the only target is never left out', () => {
  const { targets, taken, fail } = targetsOf(['a']);
  fail('a', 20);
  targets.setHealthy('a', false);
  assert.deepEqual(taken(), ['a']);
});

test('a target that a check found unhealthy is left out until it is found healthy', () => {
  const { targets, taken } = targetsOf(['a', 'b']);
  targets.setHealthy('a', false);
  assert.deepEqual(taken(), ['b']);
  assert.deepEqual(
    targets.status().map(({ state }) => state),
    ['unhealthy', 'available'],
  );
  targets.setHealthy('a', true);
  assert.deepEqual(taken(), ['a', 'b']);
});

test('a second try goes to another target, and there is none when there is only one', () => {
  const { targets } = targetsOf(['a', 'b']);
  for (let n = 0; n < 50; n += 1) assert.equal(targets.take('a')?.target, 'b');
  assert.equal(targetsOf(['a']).targets.take('a'), undefined);
});
