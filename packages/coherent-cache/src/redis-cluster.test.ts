import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { silentLogger } from '@portico/runtime/log.ts';
import { redisError, type ScriptedRedis, startScriptedRedis } from '@portico/testing/scripted-redis.ts';
import type { CacheStore } from './cache-store.ts';
import { createRedisStore } from './redis-store.ts';

let now = 1_000_000;
const keys = Array.from({ length: 20 }, (_, number) => `key ${number}`);

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** Two nodes, each with half of the slots. */
async function startCluster(): Promise<[ScriptedRedis, ScriptedRedis]> {
  const nodes: ScriptedRedis[] = [];
  const slots = () => nodes.map(({ port }, at) => ({ from: at * 8192, to: at * 8192 + 8191, port }));
  const [first, second] = [await startScriptedRedis({ slots }), await startScriptedRedis({ slots })];
  nodes.push(first, second);
  opened.push(first, second);
  return [first, second];
}

async function connect(node: ScriptedRedis, commandTimeoutMs = 10_000): Promise<CacheStore> {
  const url = `${node.url}?cluster=true`;
  const store = createRedisStore({ url, log: silentLogger, now: () => now, commandTimeoutMs });
  opened.push(store);
  do {
    await nextTurn();
    now += 1_000;
    await store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(`is ${key}`), ttlMs: 600_000 })));
  } while ((await read(store)).includes(undefined));
  return store;
}

const read = async (store: CacheStore) => (await store.getMany(keys)).map((bytes) => bytes?.toString());
const keysOf = ({ commands }: ScriptedRedis) =>
  new Set(
    commands.filter(([name]) => name === 'GET').map(([, key = '']) => key.replace('portico:cache:2:', '')),
  );

test('each key is kept at the node of its slot, and one read asks several nodes', async () => {
  const [first, second] = await startCluster();
  const store = await connect(first);
  assert.deepEqual(
    await read(store),
    keys.map((key) => `is ${key}`),
  );
  assert.deepEqual([...keysOf(first), ...keysOf(second)].toSorted(), keys.toSorted());
  assert.ok(keysOf(first).size > 0 && keysOf(second).size > 0);
});

test('a key whose slot has moved is found at its new node', async () => {
  const [first, second] = await startCluster();
  const store = await connect(first);
  first.behave(([name]) =>
    name === 'SET' || name === 'GET' ? redisError(`MOVED 1 127.0.0.1:${second.port}`) : undefined,
  );
  await store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(`is ${key}`), ttlMs: 600_000 })));
  assert.deepEqual(
    await read(store),
    keys.map((key) => `is ${key}`),
  );
});

test('a node that hangs costs its own keys only', async () => {
  const [first, second] = await startCluster();
  const store = await connect(first, 50);
  const kept = keysOf(first);
  second.behave(() => 'hang');
  let values = await read(store);
  // The machine may have been too busy for the healthy node as well; then it is asked again.
  for (; values.every((value) => value === undefined); now += 1_000) values = await read(store);
  for (const [at, key] of keys.entries()) {
    if (!kept.has(key)) assert.equal(values[at], undefined);
    else if (values[at] !== undefined) assert.equal(values[at], `is ${key}`);
  }
});

test('a cluster that is down is left alone after three failures', async () => {
  const [first, second] = await startCluster();
  const store = await connect(first);
  for (const node of [first, second]) node.behave(() => redisError('CLUSTERDOWN The cluster is down'));
  for (let attempt = 1; attempt <= 3; attempt += 1) await read(store);
  const before = first.commands.length + second.commands.length;
  assert.deepEqual(
    await read(store),
    keys.map(() => undefined),
  );
  assert.equal(first.commands.length + second.commands.length, before);
});

test('nodes that go away and come back are used again', async () => {
  const [first, second] = await startCluster();
  const store = await connect(first);
  for (const node of [first, second]) await node.refuse();
  assert.deepEqual(
    await read(store),
    keys.map(() => undefined),
  );
  for (const node of [first, second]) await node.accept();
  for (; (await read(store)).includes(undefined); now += 1_000) await nextTurn();
});

test('a server that is no cluster is never used', async () => {
  const server = await startScriptedRedis();
  opened.push(server);
  const url = `${server.url}?cluster=true`;
  const store = createRedisStore({ url, log: silentLogger, now: () => now });
  opened.push(store);
  await server.next('CLUSTER');
  assert.deepEqual(
    await read(store),
    keys.map(() => undefined),
  );
});
