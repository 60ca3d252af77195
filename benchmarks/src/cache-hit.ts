/**
 * Measures what a hit costs: `node benchmarks/src/cache-hit.ts [redis url]`. In this process, a read of a service and a
 * whole answer of 50 kB that was made from 120 things; with a Redis, a read that another process has put there.
 */
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import { createKnownLog } from '@portico/change-stream/node/known-log.ts';
import { createCacheMetrics } from '@portico/coherent-cache/cache-metrics.ts';
import { createCachedService } from '@portico/coherent-cache/cached-service.ts';
import { createReadCache, type ReadCache } from '@portico/coherent-cache/read-cache.ts';
import { createRedisStore } from '@portico/coherent-cache/redis-store.ts';
import { createWholeAnswers } from '@portico/coherent-cache/whole-answers.ts';
import type { paths as Catalog } from '@portico/contracts/generated/catalog.ts';
import { createDownstream } from '@portico/runtime/downstream.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { quantile } from './statistics.ts';

const tags = Array.from({ length: 120 }, (_, at) => `product:p${at}`);
const known = createKnownLog({ epoch: 'measured', number: 0 }, 0, {
  window: { records: 20_000, entries: 100_000 },
  clocks: { boundMs: 2_000, clockSkewMs: 100, now: Date.now, steadyNow: () => performance.now() },
  tagsOf: () => new Set(['product:another']),
  tell: () => {},
});
let number = 0;
/** A change of something else. */
const change = () => {
  number += 1;
  const offset = { log: 'measured', at: String(number) };
  const record = {
    source: 'catalog',
    number,
    offset,
    xid: String(number),
    committedAt: Date.now(),
    events: [],
  };
  known.apply({ kind: 'record', record });
};
change();
const node: ChangeNode = Object.assign(Object.create(known), {
  reaches: async () => true,
  onApplied: () => () => {},
  close: async () => {},
});

const context: RequestContext = {
  requestId: 'measured',
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  deadline: Number.MAX_SAFE_INTEGER,
  signal: new AbortController().signal,
  log: silentLogger,
  downstream: createDownstream(),
  cache: { hits: 0, misses: 0 },
};

const redisUrl = process.argv[2];
const openCache = () => {
  const metrics = createCacheMetrics(createMetrics('measured'));
  const shared = redisUrl && createRedisStore({ url: redisUrl, log: silentLogger, now: Date.now, metrics });
  return createReadCache({
    maxBytes: 64_000_000,
    ttlMs: 1_000,
    now: Date.now,
    node,
    metrics,
    ...(shared && { shared }),
  });
};
const openShop = (cache: ReadCache) => {
  const { answers, noteRead } = createWholeAnswers({ cache, sources: ['catalog'], now: Date.now });
  const client = {
    service: 'catalog',
    batchLimit: () => 100,
    needsUser: () => false,
    command: async () => {
      throw new Error('nothing is commanded here');
    },
    get: async () => ({ id: 'p1', name: 'A product', description: 'd'.repeat(300) }) as never,
  };
  return {
    answers,
    catalog: createCachedService<Catalog>(client, cache, { tagsOf: () => tags, onRead: noteRead }),
  };
};

async function measure(name: string, times: number, once: (at: number) => Promise<unknown>) {
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    change();
    const begun = process.cpuUsage();
    const begunAt = performance.now();
    for (let at = 0; at < times; at += 1) await once(round * times + at);
    const { user, system } = process.cpuUsage(begun);
    cpu.push((user + system) / times);
    wall.push(((performance.now() - begunAt) / times) * 1_000);
  }
  const [took, used] = [wall, cpu].map((rounds) => quantile(rounds, 0.5).toFixed(2));
  console.log(`${name}: ${took} µs, ${used} µs of a processor`);
}

const cache = openCache();
const { catalog, answers } = openShop(cache);
const read = () => catalog.get('/products/{id}', { path: { id: 'p1' } }, context);
const give = () =>
  answers.give(
    'a page',
    async (own) => {
      await catalog.get('/products/{id}', { path: { id: 'p2' } }, own);
      return { text: 'x'.repeat(50_000), isWhole: true };
    },
    context,
  );
await measure('a read of a service, in this process', 20_000, read);
await measure('a whole answer, in this process', 20_000, give);
await measure('a whole answer after another change', 2_000, async () => {
  change();
  await give();
});
await measure('that change itself', 2_000, async () => change());

if (redisUrl !== undefined) {
  const idOf = (at: number) => ({ path: { id: `p${at}` } });
  const times = 200;
  for (let at = 0; at < times * 10; at += 1) await catalog.get('/products/{id}', idOf(at), context);
  const other = openCache();
  const { catalog: again } = openShop(other);
  await measure('a read of a service, from Redis', times, (at) =>
    again.get('/products/{id}', idOf(at), context),
  );
  await other.close();
}
await cache.close();
