import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { paths as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { paths as Reviews } from '@portico/contracts/generated/reviews.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { CallOptions } from '@portico/service-client/service-client.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { createTestContext } from '@portico/testing/context.ts';
import { type Calls, createCachedService, type TagsOf } from './cached-service.ts';
import { createReadCache } from './read-cache.ts';

const now = () => 1_000_000;
const createCache = () => createReadCache({ maxBytes: 1_000_000, ttlMs: 1_000, now });

type Parameters = {
  path?: Record<string, string>;
  query?: { ids?: readonly string[] } & Record<string, unknown>;
};

/** A service that answers as the test says, and tells what it was asked. */
function createClient<Paths>(
  answer: (path: string, parameters: Parameters, call: CallOptions) => unknown,
  { service = 'catalog', batchLimit = 100, needsUser = false } = {},
) {
  const calls: [path: string, parameters: Parameters][] = [];
  const client: Calls<Paths> = {
    service,
    batchLimit: () => batchLimit,
    needsUser: () => needsUser,
    command: () => Promise.reject(new Error('this service takes no commands')),
    get: async (path, parameters, call) => {
      calls.push([path, parameters as Parameters]);
      return (await answer(path, parameters as Parameters, call)) as never;
    },
  };
  return { client, calls };
}

const productOf = (id: string) => ({ id, name: `Product ${id}` });
const batchOf = (ids: readonly string[] = []) => ({ items: ids.map(productOf), cursors: [], next: null });
const createCatalog = (options?: { batchLimit?: number }) =>
  createClient<Catalog>((path, { path: named, query }) => {
    if (path === '/products/{id}') return productOf(named?.id ?? '');
    return query?.ids ? batchOf(query.ids.filter((id) => id !== 'p0')) : { items: [], query };
  }, options);

const idOf = (product: { id: string }) => product.id;

test('a read is answered from the cache the second time, and the context counts both', async () => {
  const { client, calls } = createCatalog();
  const catalog = createCachedService(client, createCache());
  const context = createTestContext();
  for (const _time of [1, 2]) {
    const product = await catalog.get('/products/{id}', { path: { id: 'p1' } }, context);
    assert.equal(product?.name, 'Product p1');
  }
  assert.deepEqual(calls, [['/products/{id}', { path: { id: 'p1' } }]]);
  assert.partialDeepStrictEqual(context.cache, { hits: 1, misses: 1 });
});

test('what was read for one user is given to no other one, nor to the same one with other rights', async () => {
  const identityOf = (subject: string, roles: string[] = [], token = 'a.b.c') =>
    createTestContext({ identity: { subject, name: undefined, roles, scopes: ['shop'], token } });
  const { client, calls } = createClient<Catalog>(
    (_path, { query }, { context }) => {
      const name = context.identity?.subject ?? 'nobody';
      return query?.ids ? { items: query.ids.map((id) => ({ id, name })) } : { id: 'p1', name };
    },
    { needsUser: true },
  );
  const catalog = createCachedService(client, createCache());
  const users = [
    identityOf('c1'),
    identityOf('c2'),
    createTestContext(),
    identityOf('c1 #p1'),
    identityOf('c1', ['operator']),
  ];
  const read = async (context: RequestContext) => {
    const one = await catalog.get('/products/{id}', { path: { id: 'p1' } }, context);
    const many = await catalog.loader('/products', {}, { context, idOf }).load('p1');
    return [one?.name, many?.name];
  };
  // At once, so that nobody joins the call of another either.
  const first = await Promise.all(users.map(read));
  assert.deepEqual(
    first,
    ['c1', 'c2', 'nobody', 'c1 #p1', 'c1'].map((name) => [name, name]),
  );
  assert.equal(calls.length, 10);
  assert.deepEqual(await Promise.all(users.map(read)), first);
  assert.deepEqual(await read(identityOf('c1', [], 'd.e.f')), ['c1', 'c1'], 'a new token of the same user');
  assert.equal(calls.length, 10);
});

test('what needs no user is read once for all', async () => {
  const { client, calls } = createCatalog();
  const catalog = createCachedService(client, createCache());
  const identity = { subject: 'c1', name: undefined, roles: [], scopes: [], token: 'a.b.c' };
  for (const context of [createTestContext({ identity }), createTestContext()]) {
    await catalog.get('/products/{id}', { path: { id: 'p1' } }, context);
  }
  assert.equal(calls.length, 1);
});

test('reads differ by path parameters and by query, whatever the order of the query', async () => {
  const { client, calls } = createCatalog();
  const { get } = createCachedService(client, createCache());
  const context = createTestContext();
  await get('/products/{id}', { path: { id: 'p1' } }, context);
  await get('/products/{id}', { path: { id: 'p2' } }, context);
  await get('/products', { query: { category: 'coffee', limit: 5 } }, context);
  await get('/products', { query: { category: 'coffee', limit: 6 } }, context);
  await get('/products', { query: {} }, context);
  assert.equal(calls.length, 5);
  await get('/products', { query: { limit: 5, category: 'coffee' } }, context);
  await get('/products', {}, context);
  assert.equal(calls.length, 5);
});

test('values can not be made up to look like another read', async () => {
  const { client, calls } = createCatalog();
  const { get } = createCachedService(client, createCache());
  const context = createTestContext();
  await get('/products', { query: { category: 'a', cursor: 'b' } }, context);
  await get('/products', { query: { category: 'a&cursor=b' } }, context);
  await get('/products/{id}', { path: { id: 'p1/price' } }, context);
  await get('/products/{id}', { path: { id: 'p1?x' } }, context);
  assert.equal(calls.length, 4);
});

test('two services with the same path are two things', async () => {
  const cache = createCache();
  const one = createClient<Catalog>(() => ({ from: 'one' }), { service: 'one' });
  const two = createClient<Catalog>(() => ({ from: 'two' }), { service: 'two' });
  for (const { client } of [one, two]) {
    const body = await createCachedService(client, cache).get('/categories', {}, createTestContext());
    assert.deepEqual(body, { from: client.service });
  }
});

test('a 404 is null and kept; any other refusal is thrown and is not', async () => {
  let status = 404;
  const { client, calls } = createClient<Catalog>(() => {
    throw new ServiceError('catalog', 'refused', `answered ${status}`, { status });
  });
  const { get } = createCachedService(client, createCache());
  const read = (id: string) => get('/products/{id}', { path: { id } }, createTestContext());
  assert.equal(await read('p0'), null);
  assert.equal(await read('p0'), null);
  assert.equal(calls.length, 1);
  status = 400;
  await assert.rejects(read('p1'), { name: 'ServiceError', status: 400 });
  await assert.rejects(read('p1'), { name: 'ServiceError', status: 400 });
  assert.equal(calls.length, 3);
});

test('a call is made for all who wait: it ends by their common signal', async () => {
  const leaving = new AbortController();
  const context = createTestContext({ signal: leaving.signal });
  const called = Promise.withResolvers<CallOptions>();
  const { client } = createClient<Catalog>((_path, _parameters, call) => {
    called.resolve(call);
    return new Promise((_, reject) =>
      call.signal?.addEventListener('abort', () => reject(new Error('ended'))),
    );
  });
  const { get } = createCachedService(client, createCache());
  const first = get('/categories', {}, context);
  const call = await called.promise;
  const staying = new AbortController();
  const second = get('/categories', {}, createTestContext({ signal: staying.signal }));
  assert.equal(call.context, context);
  leaving.abort(new Error('client gone'));
  await assert.rejects(first, /client gone/);
  assert.ok(!call.signal?.aborted);
  staying.abort(new Error('gone too'));
  await assert.rejects(second, /gone too/);
  assert.ok(call.signal?.aborted);
});

test('a loader joins reads into one call, and asks only for what is not cached', async () => {
  const { client, calls } = createCatalog();
  const catalog = createCachedService(client, createCache());
  const context = createTestContext();
  const first = catalog.loader('/products', {}, { context, idOf });
  const names = await Promise.all(['p1', 'p2', 'p1'].map(async (id) => (await first.load(id))?.name));
  assert.deepEqual(names, ['Product p1', 'Product p2', 'Product p1']);

  const second = catalog.loader('/products', {}, { context, idOf });
  const more = await second.loadMany(['p3', 'p2']);
  assert.deepEqual(
    more.map((product) => product instanceof Error || product?.id),
    ['p3', 'p2'],
  );
  assert.deepEqual(
    calls.map(([, { query }]) => query?.ids),
    [['p1', 'p2'], ['p3']],
  );
  assert.partialDeepStrictEqual(context.cache, { hits: 1, misses: 3 });
});

test('a loader never asks for more ids than the service takes', async () => {
  const { client, calls } = createCatalog({ batchLimit: 2 });
  const loader = createCachedService(client, createCache()).loader(
    '/products',
    {},
    { context: createTestContext(), idOf },
  );
  await loader.loadMany(['p1', 'p2', 'p3', 'p4', 'p5']);
  assert.deepEqual(
    calls.map(([, { query }]) => query?.ids?.length),
    [2, 2, 1],
  );
});

test('an id that the service does not know is null, or what the caller puts in its place, and is kept', async () => {
  const { client, calls } = createCatalog();
  const catalog = createCachedService(client, createCache());
  const context = createTestContext();
  assert.equal(await catalog.loader('/products', {}, { context, idOf }).load('p0'), null);
  const toMissing = (id: string) => ({ missing: id });
  const standIn = await catalog.loader('/products', {}, { context, idOf, toMissing }).load('p0');
  assert.deepEqual(standIn, { missing: 'p0' });
  assert.equal(calls.length, 1);
});

test('the same id under another query is another thing', async () => {
  const { client, calls } = createClient<Reviews>(
    (_path, { query }) => ({
      items: query?.ids?.map((productId) => ({
        productId,
        reviews: [],
        cursors: [],
        next: `${query.first}`,
      })),
    }),
    { service: 'reviews' },
  );
  const reviews = createCachedService(client, createCache());
  const context = createTestContext();
  for (const first of [1, 2, 1]) {
    const loader = reviews.loader(
      '/product-reviews',
      { first },
      { context, idOf: ({ productId }) => productId },
    );
    assert.equal((await loader.load('p1'))?.next, `${first}`);
  }
  assert.deepEqual(
    calls.map(([, { query }]) => query),
    [
      { first: 1, ids: ['p1'] },
      { first: 2, ids: ['p1'] },
    ],
  );
});

test('a page and an item of the same path are never taken for each other', async () => {
  const { client, calls } = createCatalog();
  const catalog = createCachedService(client, createCache());
  const context = createTestContext();
  await catalog.get('/products', { query: { ids: ['p1'] } }, context);
  await catalog.get('/products', { query: { limit: 12 } }, context);
  const items = [
    await catalog.loader('/products', {}, { context, idOf }).load('p1'),
    await catalog.loader('/products', { limit: 1 }, { context, idOf }).load('2'),
  ];
  assert.deepEqual(items, [productOf('p1'), productOf('2')]);
  assert.equal(calls.length, 4);
});

test('a failed batch is the error of each id that was not cached, and the next one tries again', async () => {
  let failing = false;
  const { client } = createClient<Catalog>((_path, { query }) => {
    if (failing) throw new ServiceError('catalog', 'failed', 'answered 503', { status: 503 });
    return batchOf(query?.ids);
  });
  const catalog = createCachedService(client, createCache());
  const load = (...ids: string[]) =>
    catalog.loader('/products', {}, { context: createTestContext(), idOf }).loadMany(ids);
  await load('p1');
  failing = true;
  const [cached, failed] = await load('p1', 'p2');
  assert.equal(cached instanceof Error || cached?.id, 'p1');
  assert.ok(failed instanceof ServiceError && failed.kind === 'failed');
  failing = false;
  const [again] = await load('p2');
  assert.equal(again instanceof Error || again?.id, 'p2');
});

test('two requests at the same time share the ids they have in common', async () => {
  const gate = Promise.withResolvers<void>();
  const { client, calls } = createClient<Catalog>(async (_path, { query }) => {
    await gate.promise;
    return batchOf(query?.ids);
  });
  const catalog = createCachedService(client, createCache());
  const contexts = [
    createTestContext({ cache: { hits: 0, misses: 0 } }),
    createTestContext({ cache: { hits: 0, misses: 0 } }),
  ];
  const loads = contexts.map((context, at) =>
    catalog.loader('/products', {}, { context, idOf }).loadMany([`p${at}a`, 'both']),
  );
  gate.resolve();
  await Promise.all(loads);
  assert.deepEqual(
    calls.map(([, { query }]) => query?.ids),
    [['p0a', 'both'], ['p1a']],
  );
  assert.partialDeepStrictEqual(contexts[1]?.cache, { hits: 0, misses: 2 });
});

test('each item of a batch has the tags of its own, and a failing rule keeps nothing', async () => {
  const asked: unknown[] = [];
  const cache = createReadCache({ maxBytes: 1_000_000, ttlMs: 1_000, now });
  const { client, calls } = createCatalog();
  const tagsOf: TagsOf = (service, path, parameters, answer) => {
    asked.push([service, path, parameters, answer]);
    if (parameters.query !== undefined && 'ids' in parameters.query && String(parameters.query.ids) === 'p3')
      throw new Error('no idea');
    return [];
  };
  const catalog = createCachedService(client, cache, { tagsOf });
  const context = createTestContext();
  const load = () => catalog.loader('/products', {}, { context, idOf }).loadMany(['p1', 'p0', 'p3']);
  await load();
  await load();
  await catalog.get('/products/{id}', { path: { id: 'p2' } }, context);
  assert.deepEqual(asked, [
    ...['p1', 'p0', 'p3', 'p3'].map((id) => [
      'catalog',
      '/products',
      { query: { ids: [id] } },
      { items: id === 'p0' ? [] : [productOf(id)] },
    ]),
    ['catalog', '/products/{id}', { path: { id: 'p2' } }, productOf('p2')],
  ]);
  assert.deepEqual(
    calls.map(([, { query }]) => query?.ids),
    [['p1', 'p0', 'p3'], ['p3'], undefined],
  );
});

test('a read is made for what its client has to see, and told to who wants to know', async () => {
  const told: unknown[] = [];
  const { client, calls } = createCatalog();
  const commits = [{ source: 'catalog', xid: '1' }];
  const catalog = createCachedService(client, createCache(), {
    requirementOf: ({ requestId }) =>
      requestId === 'after a command' ? { position: undefined, commits, seen: [] } : undefined,
    onRead: ({ requestId }, { source }) => told.push([requestId, source]),
  });
  for (const requestId of ['first', 'second', 'after a command']) {
    await catalog.get('/categories', {}, createTestContext({ requestId }));
  }
  assert.deepEqual(told, [
    ['first', 'fill'],
    ['second', 'memory'],
    ['after a command', 'fill'],
  ]);
  assert.equal(calls.length, 2);
});
