import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { recordAt } from '@portico/change-stream/hub/event-hub.contract.ts';
import type { DurableEventHub } from '@portico/change-stream/hub/event-hub.ts';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { type LakeUnderTest, openTestLake } from './lake.fixture.ts';
import { openLakeForWriting } from './lake.ts';
import { segmentName } from './segment.ts';

const random = createRandom(3);
let hub: DurableEventHub;
let lake: LakeUnderTest;
let names: string[];

beforeEach(async () => {
  hub = createMemoryLog()();
  lake = await openTestLake();
  const writer = lake.write(hub);
  const catalog = await hub.writer('catalog', new AbortController().signal);
  for (const at of [1, 2, 3]) {
    await catalog.append([recordAt('catalog', at)]);
    await writer.until(at);
  }
  await writer.stop();
  names = [...lake.manifest.segments()].map(segmentName);
});
afterEach(() => lake.remove());

const segment = (index: number) => join(lake.folder, names.at(index) ?? '');

/** Verify names it, and neither replay nor query begin. */
async function assertDamaged(damage: RegExp): Promise<void> {
  const verified = await lake.portico('verify');
  assert.equal(verified.code, 1);
  assert.match(verified.stdout + verified.stderr, damage);
  for (const args of [['replay'], ['query', 'select 1']]) {
    const refused = await lake.portico(...args);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, damage);
  }
}

describe('a lake that is not what was written', () => {
  test('with one bit of a segment flipped, wherever it is, names the segment', async () => {
    const whole = readFileSync(segment(1));
    for (let round = 0; round < 20; round += 1) {
      const flipped = Buffer.from(whole);
      const at = Math.floor(random() * whole.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      writeFileSync(segment(1), flipped);
      await assertDamaged(new RegExp(`^damaged: ${names[1]} was changed`));
    }
    writeFileSync(segment(1), whole);
    assert.equal((await lake.portico('verify')).code, 0);
  });

  test('with a segment cut, longer or missing, names the segment', async () => {
    const whole = readFileSync(segment(-1));
    truncateSync(segment(-1), whole.length - 1);
    await assertDamaged(
      new RegExp(`^damaged: ${names.at(-1)} is cut: ${whole.length - 1} of ${whole.length} bytes`),
    );
    writeFileSync(segment(-1), Buffer.concat([whole, whole]));
    await assertDamaged(new RegExp(`^damaged: ${names.at(-1)} was changed`));
    rmSync(segment(-1));
    await assertDamaged(new RegExp(`^damaged: ${names.at(-1)} is missing`));
  });

  test('with one segment in the place of another, names it', async () => {
    copyFileSync(segment(0), segment(1));
    await assertDamaged(new RegExp(`^damaged: ${names[1]} (was changed|is cut)`));
  });

  test('with a segment that the manifest has lost, names what follows the hole', async () => {
    const manifest = new DatabaseSync(join(lake.dir, 'manifest.sqlite'));
    manifest.exec(
      'delete from segments where first = (select first from segments order by first limit 1 offset 1)',
    );
    manifest.close();
    await assertDamaged(new RegExp(`^damaged: ${names[2]} begins at \\d+: \\d+ was to come`));
  });

  test('with a manifest that says something else of a segment, names the segment', async () => {
    const manifest = new DatabaseSync(join(lake.dir, 'manifest.sqlite'));
    manifest.exec('update segments set events = events + 1');
    manifest.close();
    const { code, stdout } = await lake.portico('verify');
    assert.equal(code, 1);
    for (const name of names)
      assert.match(stdout, new RegExp(`damaged: ${name}: events is 1, and 2 in the man`));
  });

  test('with a manifest that is broken or missing, names the manifest, and no writer begins another one', async () => {
    const path = join(lake.dir, 'manifest.sqlite');
    writeFileSync(
      path,
      'no database at all, but long enough to have a header of a hundred bytes, which it has not'.repeat(99),
    );
    await assertDamaged(/^damaged: manifest\.sqlite: file is not a database/);
    rmSync(path);
    await assertDamaged(/^damaged: manifest\.sqlite is missing, and there are segments in /);
    await assert.rejects(openLakeForWriting(lake.dir), /manifest\.sqlite is missing/);
  });

  test('with a file that it does not know, names the file; what a killed writer leaves is none', async () => {
    writeFileSync(join(lake.folder, 'unfinished.tmp'), 'half of a segment');
    const next = segmentName({ epoch: await hub.epoch(), first: 4 });
    copyFileSync(segment(0), join(lake.folder, next));
    assert.equal((await lake.portico('verify')).code, 0);
    writeFileSync(join(lake.folder, 'other.ndjson.zst'), '');
    const { code, stdout } = await lake.portico('verify');
    assert.equal(code, 1);
    assert.match(stdout, /^damaged: other\.ndjson\.zst is not in the manifest\n1 damages in 3 segments/);
  });
});
