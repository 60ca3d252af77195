import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ChangeEvent, everythingChanged } from '@portico/contracts/events/change-event.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import type { EventHub, NewRecord } from '../hub/event-hub.ts';
import type { ChangeNode, Requirement } from './change-node.ts';
import { type ChangeNodeOptions, createChangeNode } from './create-change-node.ts';
import { type Connection, createSimulatedHub, type SimulatedHub } from './simulated-hub.fixture.ts';

const start = 1_000_000;
let now = start;
let hub: SimulatedHub;
let connection: Connection;
let reconnect = () => {};
const nodes: ChangeNode[] = [];
beforeEach(() => {
  now = start;
  hub = createSimulatedHub();
  connection = hub.connect();
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.close();
});

const event = (key: string, type = 'product-changed'): ChangeEvent => ({
  id: key,
  type,
  key,
  data: { before: null, after: null },
});
let wal = 0;
const recordOf = (keys: readonly string[], changes: Partial<NewRecord> = {}): NewRecord => {
  wal += 1;
  return {
    source: 'catalog',
    offset: { log: 'catalog', at: String(wal) },
    xid: String(wal),
    committedAt: now,
    events: keys.map((key) => event(key)),
    ...changes,
  };
};
const change = (...keys: string[]) => hub.append(recordOf(keys));
const say = (xmin: string, committedAt = now, source = 'catalog') =>
  hub.say({ source, xmin, committedAt, offset: { log: source, at: String(wal) } });

const catalog = {
  source: 'catalog',
  tables: [],
  toEvents: () => [],
  tagsOf: ({ key }: { key: string }) => {
    if (key === 'strange') throw new Error('not understood');
    return [`product:${key}`];
  },
};

async function follow(options: Partial<ChangeNodeOptions> = {}): Promise<ChangeNode> {
  const node = createChangeNode({
    hub: connection.hub,
    sources: [catalog],
    boundMs: 2_000,
    clockSkewMs: 100,
    log: silentLogger,
    now: () => now,
    steadyNow: () => now,
    pause: (_ms, signal) =>
      new Promise((resolve, reject) => {
        reconnect = resolve;
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
    ...options,
  });
  nodes.push(node);
  await nextTurn();
  return node;
}
const deliver = async (count = 100, again = 0) => {
  await connection.deliver(count, again);
  await nextTurn();
};
const never = new AbortController().signal;
const requires = (number: number, rest: Partial<Requirement> = {}): Requirement => ({
  position: { epoch: 'epoch 1', number },
  commits: [],
  seen: [],
  ...rest,
});

test('the last records are known before anything is said to be applied', async () => {
  change('p1');
  change('p2');
  change('p1', 'p3');
  const answer = Promise.withResolvers<void>();
  const read: EventHub['read'] = async (after, limit) => {
    await answer.promise;
    return connection.hub.read(after, Math.min(limit, 1));
  };
  const node = await follow({ hub: { ...connection.hub, read }, windowRecords: 2 });
  assert.equal(node.applied, undefined);
  assert.equal(node.lastChange('product:p3'), undefined);
  assert.ok(!node.isTrusted('catalog'));
  answer.resolve();
  await nextTurn();
  assert.deepEqual(node.applied, { epoch: 'epoch 1', number: 3 });
  assert.equal(node.floor, 1);
  assert.equal(node.lastChange('product:p1'), 3);
  assert.equal(node.lastChange('product:p2'), 2);
});

test('what comes is applied in order, once, and told after it is known', async () => {
  const node = await follow();
  const told: unknown[] = [];
  const end = node.onApplied(({ number }, tags) =>
    told.push([number, [...tags], node.lastChange('product:p1'), node.applied?.number]),
  );
  node.onApplied(() => {
    throw new Error('this one fails');
  });
  change('p1');
  change('p1', 'p2');
  await deliver(1);
  await deliver(1, 1);
  end();
  change('p3');
  await deliver();
  assert.deepEqual(told, [
    [1, ['product:p1'], 1, 1],
    [2, ['product:p1', 'product:p2'], 2, 2],
  ]);
  assert.equal(node.applied?.number, 3);
});

test('what is not understood is a change of everything of its source', async () => {
  const node = await follow();
  change('strange', 'p1');
  await deliver();
  assert.equal(node.lastChange('source:catalog'), 1);
  assert.equal(node.lastChange('product:p1'), 1);
  hub.append(recordOf([], { events: [event('', everythingChanged)] }));
  hub.append(recordOf(['x'], { source: 'unheard-of' }));
  await deliver();
  assert.equal(node.lastChange('source:catalog'), 2);
  assert.equal(node.lastChange('source:unheard-of'), 3);
});

test('the window forgets its oldest records, and says so', async () => {
  const node = await follow({ windowRecords: 10 });
  for (let number = 1; number <= 35; number += 1) {
    change(`p${number}`);
    await deliver();
    assert.ok(number - node.floor <= 20);
    assert.ok(node.floor === 0 || number - node.floor >= 10);
    assert.equal(node.lastChange(`product:p${node.floor}`), undefined);
    assert.equal(node.lastChange(`product:p${node.floor + 1}`), node.floor + 1);
  }
});

test('a window full of tags is shorter', async () => {
  const node = await follow({ windowRecords: 1_000, windowEntries: 10 });
  for (let number = 0; number < 20; number += 1)
    change(...Array.from({ length: 5 }, (_, at) => `${number}-${at}`));
  await deliver();
  assert.ok(node.floor >= 15, `${node.floor}`);
});

test('a source is trusted while all up to the bound is known of it', async () => {
  const node = await follow();
  assert.deepEqual([node.isTrusted('catalog'), node.follows('catalog')], [false, false]);
  change('p1');
  await deliver();
  assert.deepEqual([node.isTrusted('catalog'), node.follows('catalog')], [true, true]);
  assert.equal(node.isTrusted('reviews'), false);
  now += 1_900;
  assert.ok(node.isTrusted('catalog'));
  now += 1;
  assert.ok(!node.isTrusted('catalog'));
  say('1', now - 1_000);
  await deliver();
  assert.ok(node.isTrusted('catalog'));
  assert.deepEqual(node.states(), [{ source: 'catalog', lagMs: 1_000, trusted: true }]);
});

test('a source whose clock is ahead is not trusted', async () => {
  const node = await follow();
  say('1', now + 100);
  await deliver();
  assert.ok(node.isTrusted('catalog'));
  say('1', now + 101);
  await deliver();
  assert.ok(!node.isTrusted('catalog'));
});

test('no source is trusted when our clock was set, until it says something', async () => {
  let steady = 0;
  const node = await follow({ steadyNow: () => steady });
  for (const jump of [-1_000, 1_000]) {
    say('1');
    await deliver();
    assert.ok(node.isTrusted('catalog'));
    now += jump;
    assert.ok(!node.isTrusted('catalog'));
  }
  say('1');
  await deliver();
  assert.ok(node.isTrusted('catalog'));
  steady += 3_000;
  assert.ok(!node.isTrusted('catalog'));
});

test('a commit is applied with its record, the last of its parts, or when an oldest open transaction is above it', async () => {
  const node = await follow();
  const has = (xid: string) => node.hasApplied({ source: 'catalog', xid });
  const part = { xid: '900', offset: { log: 'catalog', at: '900' } };
  hub.rewrite(1, recordOf(['p1'], { ...part, part: { number: 1, of: 2 } }));
  hub.rewrite(2, recordOf(['p2'], { ...part, part: { number: 2, of: 2 } }));
  await deliver(1);
  assert.ok(!has('900'));
  await deliver(1);
  assert.ok(has('900'));
  assert.ok(!has('99'));
  say('100');
  await deliver();
  assert.deepEqual(['99', '100', '101', '900'].map(has), [true, false, false, true]);
  assert.ok(!node.hasApplied({ source: 'reviews', xid: '1' }));
});

test('a source that was restored has applied nothing of what its former log named so', async () => {
  const node = await follow();
  const has = (xid: string) => node.hasApplied({ source: 'catalog', xid });
  hub.append(recordOf(['p1'], { xid: '110' }));
  say('100');
  await deliver();
  assert.deepEqual(['90', '110'].map(has), [true, true]);
  hub.append(recordOf(['p1'], { xid: '80', offset: { log: 'catalog, restored', at: '1000' } }));
  await deliver();
  assert.deepEqual(['80', '90', '110'].map(has), [true, false, false]);
});

test('what a read has shown is applied when the source says something later, or that nothing older is open', async () => {
  const node = await follow();
  say('50');
  await deliver();
  const sight = { source: 'catalog', at: now };
  assert.ok(!node.hasSeen(sight));
  assert.ok(node.hasSeen({ ...sight, below: '50' }));
  assert.ok(!node.hasSeen({ ...sight, below: '51' }));
  now += 101;
  say('50');
  await deliver();
  assert.ok(node.hasSeen(sight));
});

test('who waits for a change goes on as soon as it is applied', async () => {
  const node = await follow();
  assert.ok(await node.reaches(requires(0), 0, never));
  assert.ok(!(await node.reaches(requires(1), 0, never)));
  const waiting = new AbortController();
  const commits = [{ source: 'catalog', xid: '7' }];
  const reached = node.reaches(requires(1, { commits }), 60_000, waiting.signal);
  hub.append(recordOf(['p1'], { xid: '6' }));
  await deliver();
  assert.equal(await Promise.race([reached, nextTurn('waits')]), 'waits');
  say('8');
  await deliver();
  assert.equal(await reached, true);
  assert.equal(getEventListeners(waiting.signal, 'abort').length, 0);
});

test('who waits in vain is told so: when the time is over, when he leaves, when the node closes', async () => {
  const node = await follow();
  assert.equal(await node.reaches(requires(1), 1, never), false);
  const leaving = new AbortController();
  const left = node.reaches(requires(1), 60_000, leaving.signal);
  leaving.abort(new Error('gone'));
  assert.equal(await left, false);
  const waits = node.reaches(requires(1), 60_000, never);
  await node.close();
  assert.equal(await waits, false);
});

test('a position of another epoch is never reached', async () => {
  const node = await follow();
  const position = { epoch: 'epoch 0', number: 0 };
  assert.equal(await node.reaches({ ...requires(0), position }, 0, never), false);
});

test('a lost hub leaves what is known, and nothing is trusted after the bound; then it goes on where it was', async () => {
  change('p1');
  const node = await follow();
  connection.cut();
  await nextTurn();
  assert.equal(node.applied?.number, 1);
  assert.ok(node.isTrusted('catalog'));
  now += 2_000;
  assert.ok(!node.isTrusted('catalog'));
  change('p2');
  reconnect();
  await nextTurn();
  connection.mend();
  reconnect();
  await nextTurn();
  await deliver();
  assert.equal(node.applied?.number, 2);
  assert.deepEqual([node.floor, node.lastChange('product:p1'), node.lastChange('product:p2')], [0, 1, 2]);
  assert.ok(node.isTrusted('catalog'));
});

test('a hub that says nothing at all is asked anew', async () => {
  const pausing = Promise.withResolvers<void>();
  const node = await follow({
    silenceMs: 1,
    pause: async () => pausing.resolve(),
  });
  await pausing.promise;
  change('p1');
  for (let turn = 0; turn < 10_000 && node.applied?.number !== 1; turn += 1) await deliver();
  assert.equal(node.applied?.number, 1);
});

test('a record that is missing is fetched by a new connection, never skipped', async () => {
  const node = await follow();
  change('p1');
  change('p2');
  await deliver(2, -1);
  assert.equal(node.applied?.number, 0);
  reconnect();
  await nextTurn();
  await deliver();
  assert.equal(node.applied?.number, 2);
});

test('another epoch begins from nothing, and sends away who waits', async () => {
  change('p1');
  change('p2');
  const node = await follow();
  const waits = node.reaches(requires(3), 60_000, never);
  hub.restore(1);
  await nextTurn();
  reconnect();
  assert.equal(await waits, false);
  await nextTurn();
  assert.deepEqual(node.applied, { epoch: 'epoch 2', number: 1 });
  assert.equal(node.lastChange('product:p2'), undefined);
  assert.equal(node.floor, 0);
});

test('another record at its own position begins from nothing, above all numbers that meant something else', async () => {
  change('p1');
  change('p2');
  const node = await follow();
  connection.cut();
  hub.rewrite(2, recordOf(['p3']));
  change('p4');
  connection.mend();
  await nextTurn();
  reconnect();
  await nextTurn();
  assert.deepEqual(node.applied, { epoch: 'epoch 1', number: 3 });
  assert.equal(node.lastChange('product:p2'), undefined);
  assert.equal(node.lastChange('product:p3'), 2);
  assert.equal(node.floor, 3);
});

test('what was kept at the end of a log that another one of its length took the place of counts no more', async () => {
  change('p1');
  change('p2');
  const node = await follow();
  connection.cut();
  hub.rewrite(2, recordOf(['p3']));
  connection.mend();
  await nextTurn();
  reconnect();
  await nextTurn();
  assert.deepEqual([node.applied?.number, node.floor], [2, 3]);
});

test('metrics show how far behind each source is, and whether it is trusted', async () => {
  const metrics = createMetrics('test');
  await follow({ metrics });
  say('1', now - 1_500);
  say('1', now - 2_500, 'reviews');
  await deliver();
  const text = await metrics.registry.metrics();
  for (const line of [
    'portico_change_lag_seconds{source="catalog",process="test"} 1.5',
    'portico_change_lag_seconds{source="reviews",process="test"} 2.5',
    'portico_change_trusted{source="catalog",process="test"} 1',
    'portico_change_trusted{source="reviews",process="test"} 0',
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test('metrics show how long after its commit a change was applied, but not of what was loaded', async () => {
  const metrics = createMetrics('test');
  change('p1');
  await follow({ metrics });
  change('p2');
  now += 12;
  await deliver();
  const text = await metrics.registry.metrics();
  for (const line of [
    'portico_change_delay_seconds_bucket{le="0.01",source="catalog",process="test"} 0',
    'portico_change_delay_seconds_bucket{le="0.015",source="catalog",process="test"} 1',
    'portico_change_delay_seconds_count{source="catalog",process="test"} 1',
  ]) {
    assert.ok(text.includes(line), `${line}\n${text}`);
  }
});
