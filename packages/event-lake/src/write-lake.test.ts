import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs, { mkdir, open, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { recordAt } from '@portico/change-stream/hub/event-hub.contract.ts';
import type { DurableEventHub, HubMessage, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { type LakeUnderTest, openTestLake } from './lake.fixture.ts';
import type { Segment } from './segment.ts';

const never = new AbortController().signal;
let hub: DurableEventHub;
let catalog: SourceWriter;
let lake: LakeUnderTest;

beforeEach(async () => {
  hub = createMemoryLog()();
  catalog = await hub.writer('catalog', never);
  lake = await openTestLake();
});
afterEach(async () => {
  await lake.remove();
  await hub.close();
});

const append = async (...places: readonly number[]) => {
  for (const at of places) await catalog.append([recordAt('catalog', at)]);
};
const inHub = async () => hub.read({ epoch: await hub.epoch(), number: 0 }, 1_000);
const numbers = async () => (await lake.records()).map(({ number }) => number);

describe('the writer of the lake', () => {
  test('brings every record of every source into it as it is, with what came before its start', async () => {
    await append(1, 2);
    const writer = lake.write(hub);
    const inventory = await hub.writer('inventory', never);
    const strange = { before: null, after: { text: 'line\u2028end\r\n"ü"', many: [1, null, 0.5] } };
    const events = [{ id: 'i', type: 'stock-changed', key: 'p1', data: strange, traceparent: '00-1' }];
    await inventory.append([recordAt('inventory', 1, { events })]);
    await inventory.append([recordAt('inventory', 2, { events: [] })]);
    const part = (number: number) => recordAt('catalog', 3, { part: { number, of: 2 } });
    await catalog.append([part(1), part(2)]);
    await writer.until(6);
    assert.deepEqual(await lake.records(), await inHub());
    assert.match(
      (await lake.portico('verify')).stdout,
      /^clean: \d segments, 6 records, 5 events in 1 parts\n$/,
    );
  });

  test('goes on where the lake ends, and does nothing twice', async () => {
    const first = lake.write(hub);
    await append(1, 2);
    await first.until(2);
    await first.stop();
    await append(3, 4);
    await lake.write(hub).until(4);
    assert.deepEqual(await numbers(), [1, 2, 3, 4]);
  });

  test('closes a segment by its size, by its age, and when it is stopped', async () => {
    const sealed: Segment[] = [];
    const onSealed = (segment: Segment) => sealed.push(segment);
    const fourth = Promise.withResolvers<void>();
    const tail: DurableEventHub['tail'] = (after, receive, signal) => {
      const told = async (messages: readonly HubMessage[]) => {
        await receive(messages);
        if (messages.some((message) => message.kind === 'record' && message.record.number === 4))
          fourth.resolve();
      };
      return hub.tail(after, told, signal);
    };
    const large = lake.write({ ...hub, tail }, { maxBytes: 1_000_000, onSealed });
    await append(1, 2);
    const event = {
      id: 'e',
      type: 'thing-changed',
      key: 'k'.repeat(1_000_000),
      data: { before: null, after: null },
    };
    await catalog.append([recordAt('catalog', 3, { events: [event] })]);
    await large.until(3);
    await append(4);
    await fourth.promise;
    await large.stop();
    const old = lake.write(hub, { maxBytes: 1_000_000, maxAgeMs: 1, onSealed });
    await append(5);
    await old.until(5);
    assert.deepEqual(
      sealed.map(({ first, last }) => [first, last]),
      [
        [1, 3],
        [4, 4],
        [5, 5],
      ],
    );
    assert.deepEqual(await numbers(), [1, 2, 3, 4, 5]);
  });

  test('the hub lets go of nothing that the lake does not have, and what it lets go of stays in the lake', async () => {
    await lake.write(hub).stop();
    await append(1, 2, 3);
    const all = await inHub();
    await hub.trim(Number.MAX_SAFE_INTEGER);
    const writer = lake.write(hub);
    await writer.until(3);
    await writer.stop();
    await hub.trim(Number.MAX_SAFE_INTEGER);
    assert.equal((await hub.range()).first, 3);
    assert.deepEqual(await lake.records(), all);
  });

  test('a lake that is made anew holds what the one before did not need any more', async () => {
    const before = await openTestLake();
    const writer = before.write(hub);
    await append(1, 2, 3);
    await writer.until(3);
    await before.remove();
    const waiting = Promise.withResolvers<void>();
    const tail: DurableEventHub['tail'] = async (_after, _receive, signal) => {
      waiting.resolve();
      await once(signal, 'abort');
    };
    lake.write({ ...hub, tail });
    await waiting.promise;
    assert.equal(await hub.trim(Number.MAX_SAFE_INTEGER), 0);
  });

  test('begins a new part in a new epoch, behind what is in the lake already', async () => {
    const writer = lake.write(hub);
    await append(1, 2);
    await writer.until(2);
    const before = await hub.epoch();
    await hub.renewEpoch();
    await append(3);
    await writer.until(3);
    assert.deepEqual(await numbers(), [1, 2, 3]);
    const [, second] = await lake.records();
    assert.ok(second?.mark);
    assert.deepEqual(lake.manifest.parts(), [
      { epoch: before, after: 0, mark: undefined },
      { epoch: await hub.epoch(), after: 2, mark: second.mark },
    ]);
  });

  test('begins another hub with all that it has', async () => {
    const first = lake.write(hub);
    await append(1, 2);
    await first.until(2);
    await first.stop();
    const other = createMemoryLog()();
    const catalogOfOther = await other.writer('catalog', never);
    await catalogOfOther.append([recordAt('catalog', 1)]);
    await lake.write(other).until(1);
    assert.deepEqual(await numbers(), [1, 2, 1]);
    assert.equal((await lake.portico('verify')).code, 0);
  });

  test('stops where the hub has let go of what it needs, says what to do, and skips nothing', async () => {
    const first = lake.write(hub);
    await append(1);
    await first.until(1);
    await first.stop();
    await append(2, 3, 4);
    await hub.forget('lake');
    await hub.trim(Number.MAX_SAFE_INTEGER);
    const writer = lake.write(hub);
    assert.match(await writer.problem(), /log begins at 4.*portico hub renew-epoch begins a new part/);
    assert.deepEqual(await numbers(), [1]);
    await hub.renewEpoch();
    await writer.until(4);
    assert.deepEqual(await numbers(), [1, 4]);
    assert.equal((await lake.portico('verify')).code, 0);
  });

  test('a disk that takes nothing is told, and costs nothing when it is back', async () => {
    const writer = lake.write(hub);
    await append(1);
    await writer.until(1);
    await rm(lake.folder, { recursive: true });
    await append(2);
    assert.match(await writer.problem(), /ENOENT/);
    await mkdir(lake.folder);
    await append(3);
    await writer.until(3);
    const [first] = lake.manifest.segments();
    assert.equal(first?.last, 1);
    assert.match((await lake.portico('verify')).stdout, /000000000001\.ndjson\.zst is missing\n1 damages/);
  });

  test('what the manifest names is on the disk: the file is synced, then named, then its folder is synced', async (t) => {
    const steps: string[] = [];
    const handle = await open(lake.dir);
    const methods = Object.getPrototypeOf(handle);
    await handle.close();
    const { sync } = methods;
    mock.method(methods, 'sync', function (this: typeof handle) {
      steps.push('sync');
      return sync.call(this);
    });
    const { rename } = fs;
    mock.method(fs, 'rename', (from: string, to: string) => {
      steps.push('rename');
      return rename(from, to);
    });
    syncBuiltinESMExports();
    t.after(() => {
      mock.restoreAll();
      syncBuiltinESMExports();
    });
    const writer = lake.write(hub, { onSealed: () => steps.push('named') });
    await append(1);
    await writer.until(1);
    assert.deepEqual(steps, ['sync', 'rename', 'sync', 'named']);
  });
});
