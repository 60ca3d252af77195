import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { recordAt } from '@portico/change-stream/hub/event-hub.contract.ts';
import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { HistoryDamaged } from '@portico/change-stream/views/record-history.ts';
import { type LakeUnderTest, openTestLake } from './lake.fixture.ts';
import { createLakeHistory } from './lake-history.ts';
import { segmentName } from './segment.ts';
import { openSegment } from './write-segment.ts';

let lake: LakeUnderTest;
beforeEach(async () => {
  lake = await openTestLake();
});
afterEach(() => lake.remove());

/** Records `from` to `to`, whose marks begin with what they are told apart by. */
async function write(epoch: string, from: number, to: number, mark: string) {
  const records = Array.from({ length: to - from + 1 }, (_, index): HubRecord => {
    const number = from + index;
    return { ...recordAt('catalog', number), number, mark: `${mark}${number}` };
  });
  const segment = await openSegment(lake.folder, epoch, from);
  await segment.add(records);
  lake.manifest.add(await segment.seal());
}

async function historyOf(epoch: string) {
  const history = await createLakeHistory(lake.dir).open(epoch);
  if (history === undefined) return undefined;
  const marks: unknown[] = [];
  for await (const records of history.pages()) marks.push(...records.map(({ mark }) => mark));
  return { first: history.first, last: history.last, marks };
}

describe('the history of a log, from the lake', () => {
  test('is all segments of its epoch, and of a log that the lake never saw nothing', async () => {
    lake.manifest.beginPart({ epoch: 'e1', number: 0 });
    assert.deepEqual(await historyOf('e1'), { first: 1, last: 0, marks: [] });
    await write('e1', 1, 3, 'a');
    await write('e1', 4, 5, 'a');
    assert.deepEqual(await historyOf('e1'), { first: 1, last: 5, marks: ['a1', 'a2', 'a3', 'a4', 'a5'] });
    assert.equal(await historyOf('e2'), undefined);
  });

  test('goes through the epochs before it, without what a restored hub has lost', async () => {
    lake.manifest.beginPart({ epoch: 'e1', number: 0 });
    await write('e1', 1, 4, 'a');
    await write('e1', 5, 7, 'a');
    lake.manifest.beginPart({ epoch: 'e2', number: 5, mark: 'a5' });
    await write('e2', 6, 8, 'b');
    // Of two parts that have a record 6, the mark says which one is meant: the hub was put back to before the first loss.
    lake.manifest.beginPart({ epoch: 'e3', number: 6, mark: 'a6' });
    await write('e3', 7, 7, 'c');
    lake.manifest.beginPart({ epoch: 'e4', number: 6, mark: 'a6' });
    const upTo5 = ['a1', 'a2', 'a3', 'a4', 'a5'];
    assert.deepEqual((await historyOf('e1'))?.marks, [...upTo5, 'a6', 'a7']);
    assert.deepEqual((await historyOf('e2'))?.marks, [...upTo5, 'b6', 'b7', 'b8']);
    assert.deepEqual((await historyOf('e3'))?.marks, [...upTo5, 'a6', 'c7']);
    assert.deepEqual(await historyOf('e4'), { first: 1, last: 6, marks: [...upTo5, 'a6'] });
  });

  test('begins where the lake begins, and with another log that has nothing in common', async () => {
    lake.manifest.beginPart({ epoch: 'e1', number: 2 });
    await write('e1', 3, 4, 'a');
    lake.manifest.beginPart({ epoch: 'e2', number: 3 });
    await write('e2', 4, 4, 'b');
    assert.deepEqual(await historyOf('e1'), { first: 3, last: 4, marks: ['a3', 'a4'] });
    assert.deepEqual(await historyOf('e2'), { first: 4, last: 4, marks: ['b4'] });
  });

  test('with a segment changed, cut or missing from the manifest, is refused by name', async () => {
    lake.manifest.beginPart({ epoch: 'e1', number: 0 });
    await write('e1', 1, 3, 'a');
    await write('e1', 4, 5, 'a');
    const name = segmentName({ epoch: 'e1', first: 4 });
    const path = join(lake.folder, name);
    const changed = readFileSync(path);
    changed.writeUInt8(changed.readUInt8(20) ^ 1, 20);
    writeFileSync(path, changed);
    await assert.rejects(historyOf('e1'), /was changed: its SHA-256 is another$/);
    truncateSync(path, 10);
    const isNamed = (error: unknown) => error instanceof HistoryDamaged && error.message.startsWith(name);
    await assert.rejects(historyOf('e1'), isNamed);
    await write('e1', 7, 7, 'a');
    await assert.rejects(historyOf('e1'), /-000000000007\.ndjson\.zst begins at 7: 6 was to come/);
  });
});
