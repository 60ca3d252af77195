import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recordOf } from './counting-view.fixture.ts';
import { foldRecords, keysOfRecords, startOf } from './fold-records.ts';
import { type Bug, type Listing, listingView } from './listing-view.fixture.ts';
import { createMemoryViewStore } from './memory-view-store.ts';
import { resolveFault } from './resolve-fault.ts';
import { asideNames } from './set-aside.ts';
import type { View } from './view.ts';
import type { ViewStore } from './view-store.ts';

const context = { codeVersion: '1', now: () => 0 };
const keys = ['a', 'b', 'c'];

/** An event of a unit, where the bug is, and whether a fault is resubmitted in vain behind it. */
const step = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'u+a+b', 'v+b+c', 'u+c', 'w+a+c'),
  bug: fc.option(
    fc.oneof(
      fc.record({ at: fc.constant('keysOf' as const) }),
      fc.record({ at: fc.constant('evolve' as const) }),
      fc.record({ at: fc.constant('evolve' as const), key: fc.constantFrom(...keys) }),
    ),
    { freq: 4, nil: undefined },
  ),
  resubmits: fc.option(fc.nat(), { freq: 5, nil: undefined }),
});

const openIds = async (store: ViewStore<Listing>) =>
  Object.keys((await store.readAside([])).cursor?.faults ?? {}).sort();

async function begin(view: View<Listing>) {
  const store = createMemoryViewStore<Listing>();
  await store.update([], () => ({ cursor: startOf(view, 'e', 1), isCleared: true, states: new Map() }));
  return store;
}

test('whatever was set aside and in whichever order it is resubmitted, the view is the one that never had the bug', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 30 }),
    fc.infiniteStream(fc.nat()),
    fc.nat(30),
    async (steps, choices, mendedHalfway) => {
      const bugs = new Map(steps.map(({ bug }, index) => [String(index + 1), bug]));
      const buggy: Bug = ({ id }) => bugs.get(id);
      // A code that still has some of the bugs comes in between.
      const half: Bug = (event) => (Number(event.id) > mendedHalfway ? bugs.get(event.id) : undefined);
      const store = await begin(listingView());
      const control = await begin(listingView());
      const names = new Set<string>();
      const fold = (to: ViewStore<Listing>, view: View<Listing>, number: number, key: string) => {
        const records = [recordOf(number, key)];
        return to.update(keysOfRecords(view, records), (stored) =>
          foldRecords(view, records, 'e', stored, context),
        );
      };
      const resolveOne = async (view: View<Listing>, choice: number) => {
        const { cursor } = await store.readAside([]);
        const open = Object.keys(cursor?.faults ?? {}).sort();
        for (const [each, fault] of Object.entries(cursor?.faults ?? {}))
          for (const name of asideNames(each, fault)) names.add(name);
        const id = open[choice % Math.max(1, open.length)];
        if (id !== undefined) await resolveFault(view, store, id, false, context);
      };
      for (const [index, { key, resubmits }] of steps.entries()) {
        await fold(store, listingView(buggy), index + 1, key);
        await fold(control, listingView(), index + 1, key);
        if (resubmits !== undefined)
          await resolveOne(listingView(resubmits % 2 === 0 ? buggy : half), resubmits);
      }
      for (let turn = 0; (await openIds(store)).length > 0; turn += 1) {
        assert.ok(turn < 1_000, 'the faults come to no end');
        await resolveOne(listingView(), choices.next().value);
      }
      assert.deepEqual((await store.readAside([...names])).aside, new Map());
      const [repaired, expected] = [await store.read(keys), await control.read(keys)];
      assert.equal(JSON.stringify(repaired.cursor), JSON.stringify(expected.cursor));
      assert.equal(JSON.stringify([...repaired.states]), JSON.stringify([...expected.states]));
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
