import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { type Connection, createSimulatedHub } from '@portico/change-stream/node/simulated-hub.fixture.ts';
import type { paths as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { paths as Reviews } from '@portico/contracts/generated/reviews.ts';
import type { Identity } from '@portico/runtime/access-token.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { createTestContext } from '@portico/testing/context.ts';
import { type Calls, createCachedService } from './cached-service.ts';
import { createMemoryStore } from './memory-store.fixture.ts';
import { type CacheRead, createReadCache } from './read-cache.ts';
import { createWholeAnswers } from './whole-answers.ts';

const ttlMs = 1_000;
let now = 1_000_000;
let hub: ReturnType<typeof createSimulatedHub>;
let node: ChangeNode;
let connection: Connection;
beforeEach(async () => {
  hub = createSimulatedHub();
  say('catalog');
  connection = hub.connect();
  node = createChangeNode({
    hub: connection.hub,
    sources: [{ source: 'catalog', tables: [], toEvents: () => [], tagsOf: ({ key }) => [key] }],
    clockSkewMs: 0,
    log: silentLogger,
    now: () => now,
    steadyNow: () => now,
  });
  await nextTurn();
});
afterEach(() => node.close());

const say = (source: string) =>
  hub.say({ source, xmin: '1', committedAt: now, offset: { log: source, at: '0' } });
const deliver = async () => {
  await connection.deliver(100, 0);
  await nextTurn();
};
const pass = async (ms: number) => {
  now += ms;
  say('catalog');
  await deliver();
};
const change = async (tag: string) => {
  const at = String(hub.size() + 1);
  const events = [{ id: at, type: 'changed', key: tag, data: { before: null, after: null } }];
  hub.append({ source: 'catalog', offset: { log: 'catalog', at }, xid: at, committedAt: now, events });
  await deliver();
};

/** Two services, of which only the catalog says what changes, and answers that are made of theirs. */
function createBff({ shared = createMemoryStore({ now: () => now }) } = {}) {
  const made: string[] = [];
  const told: [RequestContext, CacheRead<unknown>][] = [];
  const cache = createReadCache({ maxBytes: 1_000_000, ttlMs, now: () => now, node, shared });
  const { answers, noteRead } = createWholeAnswers({
    cache,
    sources: ['catalog', 'reviews'],
    now: () => now,
    onRead: (context, read) => told.push([context, read]),
  });
  const clientOf = <Paths>(service: string): Calls<Paths> => ({
    service,
    batchLimit: () => 10,
    needsUser: () => false,
    command: async () => assert.fail('nothing is commanded here'),
    get: async (path) => {
      if (failing.has(service)) throw new Error(`${service} is away`);
      return { [service]: path } as never;
    },
  });
  const failing = new Set<string>();
  const reading = { onRead: noteRead, tagsOf: (service: string, path: string) => [`${service} ${path}`] };
  const catalog = createCachedService(clientOf<Catalog>('catalog'), cache, reading);
  const reviews = createCachedService(clientOf<Reviews>('reviews'), cache, reading);
  const readCatalog = (context: RequestContext) => catalog.get('/categories', {}, context);
  const readReviews = (context: RequestContext) =>
    reviews.get('/ratings', { query: { ids: ['p1'] } }, context);

  /** Asks for an answer; gives how often answers were made until then. */
  const give = async (
    question: string,
    parts: readonly ((context: RequestContext) => Promise<unknown>)[] = [readCatalog],
    changes: Partial<RequestContext> = {},
    isWhole = true,
  ) => {
    const context = createTestContext({ cache: { hits: 0, misses: 0 }, ...changes });
    const make = async (own: RequestContext) => {
      made.push(question);
      for (const part of parts) await part(own).catch(() => {});
      return { text: `${question} ${made.length}`, isWhole };
    };
    const { text } = await answers.give(question, make, context);
    return { text, cache: context.cache, context };
  };
  return { give, made, told, failing, readCatalog, readReviews, dropOf: cache.dropOf };
}

test('an answer is given again until something changes that one of its parts was made from', async () => {
  const { give, made } = createBff();
  assert.deepEqual((await give('a')).cache.misses, 1);
  await pass(60_000);
  await change('something else');
  const again = await give('a');
  assert.equal(again.text, 'a 1');
  assert.deepEqual(again.cache, { hits: 1, misses: 0, ageMs: 60_000 });
  await change('catalog /categories');
  assert.equal((await give('a')).text, 'a 2');
  assert.deepEqual(made, ['a', 'a']);
});

test('an answer is as old as its oldest part: a change that it does not have makes it old, whenever it comes', async () => {
  const { give, readCatalog } = createBff();
  // The part is read, then changes while the answer is still being made.
  const late = async () => change('catalog /categories');
  assert.equal((await give('a', [readCatalog, late])).text, 'a 1');
  assert.equal((await give('a')).text, 'a 2');
  assert.equal((await give('a')).text, 'a 2');
});

test('an answer with a part that lives by time has the time that is left to that part', async () => {
  const { give, readReviews, readCatalog } = createBff();
  await give('first', [readReviews]);
  await pass(ttlMs - 1);
  await give('second', [readCatalog, readReviews]);
  const hit = await give('second');
  assert.equal(hit.text, 'second 2');
  assert.deepEqual(hit.cache.byTime, { sources: new Set(['reviews']), leftMs: 1 });
  await pass(1);
  assert.equal((await give('second')).text, 'second 3');
});

test('an answer that is not whole, had a failing read, or read nothing is not kept', async () => {
  const { give, failing, readCatalog } = createBff();
  for (const [question, parts, isWhole] of [
    ['partial', [readCatalog], false],
    ['of nothing', [], true],
  ] as const) {
    const first = await give(question, parts, {}, isWhole);
    assert.notEqual((await give(question, parts, {}, isWhole)).text, first.text);
  }
  await change('catalog /categories');
  failing.add('catalog');
  const failed = await give('failed');
  failing.clear();
  assert.notEqual((await give('failed')).text, failed.text);
});

const identityOf = (subject: string, roles: string[] = []): Identity => ({
  subject,
  name: undefined,
  roles,
  scopes: [],
  token: 'a.b.c',
});

test('what was made for one user is given to nobody else, nor to the same one with other rights', async () => {
  const { give } = createBff();
  const users = [identityOf('c1'), identityOf('c2'), undefined, identityOf('c1', ['operator'])];
  const first = [];
  for (const identity of users) first.push((await give('a', undefined, { identity })).text);
  assert.equal(new Set(first).size, users.length);
  for (const [at, identity] of users.entries()) {
    assert.equal((await give('a', undefined, { identity })).text, first[at]);
  }
});

test('who asks the same at the same moment waits for one answer, which goes on when the first one leaves', async () => {
  const { give, made } = createBff();
  const read = Promise.withResolvers<void>();
  const parts = [() => read.promise];
  const leaving = new AbortController();
  const first = give('a', parts, { signal: leaving.signal });
  const second = give('a', parts);
  leaving.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  read.resolve();
  assert.deepEqual((await second).cache, { hits: 0, misses: 1, ageMs: 0 });
  assert.deepEqual(made, ['a']);
});

test('whoever gets an answer is told from where on it is good, and what it may have shown, however it was had', async () => {
  const { give, told, readCatalog, readReviews } = createBff();
  await change('something else');
  const given = await Promise.all([1, 2].map(() => give('a', [readCatalog, readReviews])));
  given.push(await give('a'));
  const fence = { epoch: 'epoch 1', number: 1 };
  const seen = [{ source: 'catalog', at: now }];
  for (const { context } of given) {
    const [[, read] = []] = told.filter(([of]) => of === context);
    assert.partialDeepStrictEqual(read, { fence, seen });
  }
  assert.deepEqual(told.map(([, { source }]) => source).sort(), ['fill', 'joined', 'memory']);
});

test('another process takes an answer from the shared level, with all that it was made from', async () => {
  const shared = createMemoryStore({ now: () => now });
  await createBff({ shared }).give('a');
  const other = createBff({ shared });
  assert.equal((await other.give('a')).text, 'a 1');
  assert.deepEqual(other.made, []);
  await change('catalog /categories');
  await other.give('a');
  assert.deepEqual(other.made, ['a']);
});

test('what was made for one user stays in the process that made it', async () => {
  const shared = createMemoryStore({ now: () => now });
  const identity = identityOf('c1');
  const one = createBff({ shared });
  await one.give('a', undefined, { identity });
  assert.equal((await one.give('a', undefined, { identity })).cache.hits, 1);
  const other = createBff({ shared });
  assert.equal((await other.give('a', undefined, { identity })).text, 'a 1');
  assert.deepEqual(other.made, ['a']);
});

test('what was made for one user is dropped on demand, also what is being made, and nothing of others is', async () => {
  const { give, made, dropOf, readCatalog } = createBff();
  const [ada, grace] = [{ identity: identityOf('c1') }, { identity: identityOf('c2') }];
  const rights = { identity: identityOf('c1', ['operator']) };
  for (const user of [ada, grace, rights, {}]) await give('a', undefined, user);
  dropOf('c1');
  for (const user of [ada, grace, rights, {}]) await give('a', undefined, user);
  assert.deepEqual(made, ['a', 'a', 'a', 'a', 'a', 'a']);

  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = (user: object) => give('b', [readCatalog, () => promise], user);
  const answers = [slow(ada), slow(grace)];
  await nextTurn();
  dropOf('c1');
  resolve();
  const [own] = await Promise.all(answers);
  assert.equal(own?.text.startsWith('b '), true, 'who waits is answered');
  made.length = 0;
  for (const user of [ada, grace]) await give('b', undefined, user);
  assert.deepEqual(made, ['b']);
});
