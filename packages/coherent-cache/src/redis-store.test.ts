import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLogger, silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { findRedis, startRedis, type TestEngine } from '@portico/testing/engines.ts';
import {
  type RedisCommand,
  redisError,
  type ScriptedRedis,
  startScriptedRedis,
} from '@portico/testing/scripted-redis.ts';
import { createCacheMetrics } from './cache-metrics.ts';
import { describeCacheStore } from './cache-store.contract.ts';
import type { CacheStore } from './cache-store.ts';
import { createRedisStore, type RedisStoreOptions } from './redis-store.ts';

let now = 1_000_000;
/** Longer than any stall of the machine: for tests in which nothing times out. */
const patientMs = 10_000;

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function startServer(): Promise<ScriptedRedis> {
  const server = await startScriptedRedis({ now: () => now });
  opened.push(server);
  return server;
}

function createStore(url: string, options: Partial<RedisStoreOptions> = {}): CacheStore {
  const store = createRedisStore({
    url,
    log: silentLogger,
    now: () => now,
    commandTimeoutMs: patientMs,
    ...options,
  });
  opened.push(store);
  return store;
}

/** Waits until the store reaches its server, which it does in the background, and through the pauses after failures. */
async function connected(store: CacheStore): Promise<CacheStore> {
  do {
    await nextTurn();
    now += 1_000;
    await set(store, 'probe', 'reached');
  } while ((await get(store, 'probe')) === undefined);
  return store;
}

const set = (store: CacheStore, key: string, text: string) =>
  store.setMany([{ key, bytes: Buffer.from(text), ttlMs: 60_000 }]);
const get = async (store: CacheStore, key: string) => (await store.getMany([key]))[0]?.toString();
const names = (commands: readonly RedisCommand[]) => commands.map(([name]) => name);

function collectLog() {
  const lines: { level: string; msg: string; reason?: string }[] = [];
  const log = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  return { log, lines, messages: () => lines.map(({ msg, reason }) => [msg, reason]) };
}

describeCacheStore('a scripted Redis', {
  open: async () => connected(createStore((await startServer()).url)),
  untilOver: async (_store, _key, ttlMs) => {
    now += ttlMs;
  },
});

let realRedis: Promise<TestEngine> | undefined;
after(async () => (await realRedis)?.stop());

describeCacheStore('Redis', {
  skip: findRedis() === undefined ? 'no redis-server or valkey-server on PATH' : undefined,
  open: async () => {
    realRedis ??= startRedis();
    return connected(createStore((await realRedis).url));
  },
  untilOver: async (store, key) => {
    while ((await get(store, key)) !== undefined) await nextTurn();
  },
});

test('all keys of a read are on their way before the first is answered', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  const lastArrived = Promise.withResolvers<void>();
  server.behave(([name, key]) => {
    if (key?.endsWith('last')) lastArrived.resolve();
    return name === 'GET' ? { after: lastArrived.promise } : undefined;
  });
  assert.deepEqual(await store.getMany(['first', 'second', 'last']), [undefined, undefined, undefined]);
});

test('keys carry a name of their own and the version of the format, values their time', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  await store.setMany([{ key: 'k', bytes: Buffer.from('v'), ttlMs: 1_234.5 }]);
  assert.deepEqual(server.commands.at(-1), ['SET', 'portico:cache:2:k', 'v', 'PX', '1234']);
});

test('a value above the size limit is not stored, and those beside it are', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url, { maxValueBytes: 10 }));
  await store.setMany([
    { key: 'large', bytes: Buffer.alloc(11), ttlMs: 1_000 },
    { key: 'small', bytes: Buffer.from('0123456789'), ttlMs: 1_000 },
  ]);
  assert.equal(await get(store, 'large'), undefined);
  assert.equal(await get(store, 'small'), '0123456789');
});

test('a read ends while Redis still hangs', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url, { commandTimeoutMs: 20 }));
  server.behave(() => 'hang');
  const arrived = server.next('GET');
  assert.equal(await get(store, 'k'), undefined);
  assert.deepEqual(await arrived, ['GET', 'portico:cache:2:k']);
});

test('a write ends while Redis still hangs', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url, { commandTimeoutMs: 20 }));
  server.behave(() => 'hang');
  await set(store, 'k', 'v');
  assert.deepEqual(names(server.commands).at(-1), 'SET');
});

test('after three failures in a row Redis is left alone for a second, then tried once', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  server.behave(() => redisError('LOADING Redis is loading the dataset in memory'));
  const sent = async (reads: number) => {
    const before = server.commands.length;
    await Promise.all(Array.from({ length: reads }, () => get(store, 'k')));
    return server.commands.length - before;
  };
  for (let read = 1; read <= 3; read += 1) assert.equal(await sent(1), 1);

  assert.equal(await sent(5), 0);
  now += 999;
  assert.equal(await sent(5), 0);
  now += 1;
  assert.equal(await sent(5), 1);
  assert.equal(await sent(5), 0);

  server.behave(() => undefined);
  now += 1_000;
  assert.equal(await sent(1), 1);
  assert.equal(await sent(5), 5);
});

test('two failures and a success leave it in use', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  for (let round = 0; round < 3; round += 1) {
    server.behave(() => redisError('LOADING Redis is loading the dataset in memory'));
    await get(store, 'probe');
    await get(store, 'probe');
    server.behave(() => undefined);
    assert.equal(await get(store, 'probe'), 'reached');
  }
});

test('while reads are left alone, so are writes', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  server.behave(() => redisError('LOADING Redis is loading the dataset in memory'));
  for (let read = 1; read <= 3; read += 1) await get(store, 'k');
  const before = server.commands.length;
  await set(store, 'k', 'v');
  assert.equal(server.commands.length, before);
});

for (const refusal of [
  "OOM command not allowed when used memory > 'maxmemory'.",
  "READONLY You can't write against a read only replica.",
  'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
  "NOPERM this user has no permissions to run the 'set' command",
]) {
  const [code = ''] = refusal.split(' ');
  test(`a Redis that answers writes with ${code} goes on being read`, async () => {
    const server = await startServer();
    const { log, messages } = collectLog();
    const store = await connected(createStore(server.url, { log }));
    await set(store, 'kept', 'from before');
    server.behave(([name]) => (name === 'SET' ? redisError(refusal) : undefined));
    for (let write = 1; write <= 10; write += 1) {
      await set(store, 'k', 'v');
      assert.equal(await get(store, 'kept'), 'from before');
    }
    assert.equal(names(server.commands.slice(-13)).filter((name) => name === 'SET').length, 3);

    now += 1_000;
    server.behave(() => undefined);
    for (const text of ['first', 'second', 'third']) {
      await set(store, 'k', text);
      assert.equal(await get(store, 'k'), text);
    }
    assert.deepEqual(messages(), [
      ['Redis takes no writes', code],
      ['Redis takes writes again', undefined],
    ]);
  });
}

test('a late reply is never taken for that of another key', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url, { commandTimeoutMs: 50 }));
  await set(store, 'slow', 'of slow');
  await set(store, 'next', 'of next');
  const late = Promise.withResolvers<void>();
  server.behave(([, key]) => (key?.endsWith('slow') ? { after: late.promise } : undefined));
  assert.equal(await get(store, 'slow'), undefined);
  late.resolve();
  const answers = new Set<string | undefined>();
  for (; !answers.has('of next'); now += 1_000) answers.add(await get(store, 'next'));
  assert.ok(!answers.has('of slow'));
});

test('a key of another type is a miss, and no reason to stop reading', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  server.behave(([, key]) =>
    key?.endsWith('list')
      ? redisError('WRONGTYPE Operation against a key holding the wrong kind of value')
      : undefined,
  );
  for (let read = 1; read <= 5; read += 1) assert.equal(await get(store, 'list'), undefined);
  assert.equal(await get(store, 'probe'), 'reached');
});

test('replies that are no bytes are misses', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url));
  for (const send of [':5\r\n', '*1\r\n$1\r\na\r\n', '*-1\r\n', '$-1\r\n']) {
    server.behave(() => ({ send }));
    assert.equal(await get(store, 'probe'), undefined, JSON.stringify(send));
  }
});

for (const [what, trouble] of [
  ['bytes that are no reply', { send: 'HTTP/1.1 400 Bad Request\r\n\r\n' }],
  ['binary garbage', { send: '\u0000\u0001\u00ff\u00fe garbage' }],
  ['an end in the middle of an answer', { send: '$1000\r\nhalf', drop: true }],
  ['an end instead of an answer', 'drop'],
] as const) {
  test(`${what}: a miss, and Redis is used again once it answers`, async () => {
    const server = await startServer();
    const { log, messages } = collectLog();
    const store = await connected(createStore(server.url, { log }));
    server.behave(([name]) => (name === 'GET' ? trouble : undefined));
    assert.equal(await get(store, 'probe'), undefined);
    await set(store, 'k', 'v');
    server.behave(() => undefined);
    await connected(store);
    assert.equal(await get(store, 'probe'), 'reached');
    assert.deepEqual(
      messages().map(([message]) => message),
      ['Redis is not available', 'Redis is available again'],
    );
  });
}

test('a Redis that goes away and comes back: misses between, one line for each', async () => {
  const server = await startServer();
  const { log, messages } = collectLog();
  const store = await connected(createStore(server.url, { log }));
  await server.refuse();
  for (let read = 1; read <= 20; read += 1) {
    assert.equal(await get(store, 'probe'), undefined);
    await set(store, 'k', 'v');
    await nextTurn();
  }
  await server.accept();
  await connected(store);
  assert.equal(messages().length, 2);
  assert.equal(messages()[0]?.[0], 'Redis is not available');
  assert.deepEqual(messages()[1], ['Redis is available again', undefined]);
});

test('a Redis that is not there yet: misses, one line, and it is used when it comes', async () => {
  const server = await startServer();
  await server.refuse();
  const { log, messages } = collectLog();
  const store = createStore(server.url, { log });
  assert.equal(await get(store, 'k'), undefined);
  while (messages().length === 0) await nextTurn();
  assert.deepEqual(messages(), [['Redis is not available', 'ECONNREFUSED']]);
  await server.accept();
  await connected(store);
  assert.deepEqual(messages().slice(1), [['Redis is available again', undefined]]);
});

test('a Redis that hangs holds up a command for 20 ms, and is said once, however long and often', async () => {
  const server = await startServer();
  const { log, messages } = collectLog();
  const store = await connected(createRedisStore({ url: server.url, log, now: () => now }));
  opened.push(store);
  const before = messages().length;
  server.behave(() => 'hang');
  for (let second = 0; second < 5; second += 1) {
    for (let read = 0; read < 3; read += 1) await Promise.all([get(store, 'k'), set(store, 'k', 'v')]);
    now += 1_000;
  }
  assert.deepEqual(messages().slice(before), [['Redis is not available', 'no reply within 20 ms']]);
});

test('a connection that hangs for good is replaced', async () => {
  const server = await startServer();
  const store = await connected(createStore(server.url, { commandTimeoutMs: 20 }));
  const connections = server.connections();
  server.behave(() => 'hang');
  await get(store, 'k');
  server.behave(() => undefined);
  await connected(store);
  assert.ok(server.connections() > connections);
});

test('the password is in no line, even if the server repeats it', async () => {
  const server = await startServer();
  const { log, lines } = collectLog();
  const store = createStore(server.url.replace('//', '//someone:s3cr3t@'), { log });
  server.behave(([name, ...args]) =>
    redisError(`ERR unknown command '${name}', with args: ${args.join(' ')}`),
  );
  assert.deepEqual(await server.next('AUTH'), ['AUTH', 'someone', 's3cr3t']);
  while (lines.length === 0) await nextTurn();
  await get(store, 'k');
  assert.deepEqual(
    lines.map(({ reason }) => reason),
    ['ERR'],
  );
  assert.ok(!JSON.stringify(lines).includes('s3cr3t'));
});

test('failures are counted by what failed', async () => {
  const server = await startServer();
  const { registry } = createMetrics('test');
  const metrics = createCacheMetrics({ registry });
  const store = await connected(createStore(server.url, { metrics }));
  server.behave(() => redisError('OOM no room'));
  await get(store, 'k');
  await set(store, 'k', 'v');
  await set(store, 'k', 'v');
  const { values } = await metrics.storeFailures.get();
  assert.deepEqual(
    values.map(({ labels, value }) => [labels.store, labels.operation, value]),
    [
      ['redis', 'get', 1],
      ['redis', 'set', 2],
    ],
  );
});
