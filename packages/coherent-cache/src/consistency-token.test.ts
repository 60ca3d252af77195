import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ClientRequirement, mergeRequirements, nothingRequired } from './client-requirement.ts';
import { maxTokenLength, readCommitId, readToken, writeToken } from './consistency-token.ts';

const key = 'k'.repeat(32);
const now = 1_700_000_000_000;
const epoch = 'e1';
const read = (token: string, at = now, ofEpoch: string | undefined = epoch) =>
  readToken(token, { key, now: at, epoch: ofEpoch });

const times = fc.integer({ min: now - 10_000, max: now });
const xids = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String);
const plain = { noNullPrototype: true };
const requirements = (sources: readonly string[], most: number): fc.Arbitrary<ClientRequirement> => {
  const source = fc.constantFrom(...sources);
  const commit = fc.record({ source, xid: xids, at: times }, plain);
  const sight = fc.record({ source, at: times, below: xids }, { requiredKeys: ['source', 'at'], ...plain });
  return fc.record(
    {
      position: fc.option(fc.record({ epoch: fc.constant(epoch), number: fc.maxSafeNat() }, plain), {
        nil: undefined,
      }),
      commits: fc.array(commit, { maxLength: most }),
      seen: fc.array(sight, { maxLength: most }),
    },
    plain,
  );
};
const services = ['catalog', 'inventory', 'reviews', 'customers'];

test('a token says what was written into it', () => {
  fc.assert(
    fc.property(requirements(services, 3), (requirement) => {
      assert.deepEqual(read(writeToken(requirement, key, now)), requirement);
    }),
  );
});

test('a token of any number of commands on the four services fits, and asks for all that they asked for', () => {
  const isAskedFor = (merged: ClientRequirement, source: string, xid: string, at: number) =>
    merged.commits.some((commit) => commit.source === source && commit.xid === xid) ||
    merged.seen.some((sight) => sight.source === source && sight.below === undefined && sight.at >= at);
  fc.assert(
    fc.property(fc.array(requirements(services, 6), { maxLength: 8 }), (all) => {
      const merged = all.reduce(mergeRequirements, nothingRequired);
      const token = writeToken(merged, key, now);
      assert.ok(token.length <= maxTokenLength);
      assert.deepEqual(read(token), merged);
      for (const { position, commits, seen } of all) {
        assert.ok(position === undefined || (merged.position?.number ?? -1) >= position.number);
        for (const { source, xid, at } of commits) assert.ok(isAskedFor(merged, source, xid, at));
        for (const { source, at, below } of seen) {
          const sight = merged.seen.find((one) => one.source === source);
          assert.ok(sight !== undefined && sight.at >= at);
          assert.ok(
            sight.below === undefined || (below !== undefined && BigInt(sight.below) >= BigInt(below)),
          );
        }
      }
    }),
  );
});

test('what is too much for a token becomes a position that nobody reaches', () => {
  const commits = Array.from({ length: 100 }, (_, at) => ({
    source: `s${at}`,
    xid: '18446744073709551615',
    at,
  }));
  const token = writeToken({ position: { epoch, number: 7 }, commits, seen: [] }, key, now);
  assert.ok(token.length <= maxTokenLength);
  assert.deepEqual(read(token)?.position, { epoch, number: Number.MAX_SAFE_INTEGER });
});

test('a token that anything was changed of is none', () => {
  const token = writeToken({ position: { epoch, number: 7 }, commits: [], seen: [] }, key, now);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'B', 'z', '0', '-', '.', ' '), (at, sign) => {
      const changed = token.slice(0, at) + sign + token.slice(at + 1);
      // The last sign of a base64 text has bits that mean nothing.
      fc.pre(changed !== token && at !== token.length - 1);
      assert.equal(read(changed), undefined);
    }),
  );
});

test('what anybody makes up is none, and nothing of it fails', () => {
  const anything = fc.oneof(fc.string({ maxLength: 2_000 }), fc.base64String(), fc.constant(''));
  fc.assert(fc.property(anything, (text) => assert.equal(read(text), undefined)));
  const payload = Buffer.from(JSON.stringify([1, now, epoch, 7, [], []])).toString('base64url');
  const foreign = createHmac('sha256', 'another key')
    .update(`Portico-Consistency:${payload}`)
    .digest('base64url');
  const otherPurpose = createHmac('sha256', key).update(payload).digest('base64url');
  for (const signature of [foreign, otherPurpose, ''])
    assert.equal(read(`${payload}.${signature}`), undefined);
});

test('a token that is longer than any of ours is not looked at', () => {
  const requirement = { position: { epoch, number: 7 }, commits: [], seen: [] };
  assert.equal(read(`${writeToken(requirement, key, now)}${'A'.repeat(maxTokenLength)}`), undefined);
});

test('a token is none after an hour, and where it is from the future', () => {
  const token = writeToken({ position: { epoch, number: 7 }, commits: [], seen: [] }, key, now);
  assert.ok(read(token, now + 3_600_000));
  assert.equal(read(token, now + 3_600_001), undefined);
  assert.ok(read(token, now - 60_000), 'the clock of another process may be a little ahead');
  assert.equal(read(token, now - 60_001), undefined);
});

test('a token of another epoch is none as soon as every instance can know of it, and until then not reached', () => {
  const token = writeToken({ position: { epoch, number: 7 }, commits: [], seen: [] }, key, now);
  assert.deepEqual(read(token, now + 5_000, 'e2')?.position, { epoch, number: 7 });
  assert.equal(read(token, now + 5_001, 'e2'), undefined);
  assert.ok(
    readToken(token, { key, now: now + 5_001, epoch: undefined }),
    'nothing is known of any epoch here',
  );
});

test('a commit is named as its own service names it', () => {
  assert.deepEqual(readCommitId('catalog:4711', 'catalog', now), { source: 'catalog', xid: '4711', at: now });
  for (const text of [
    'inventory:4711',
    'catalog:',
    'catalog:0',
    'catalog:1x',
    'catalog:1 ',
    `catalog:${'1'.repeat(21)}`,
  ])
    assert.equal(readCommitId(text, 'catalog', now), undefined, text);
});
