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
import { Redis } from 'ioredis';
import { startEngine } from './child.ts';
import type { Report } from './report.ts';
import { median } from './statistics.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What one of many took, in microseconds: the median of the rounds. */
interface HitCost {
  readonly name: string;
  readonly wallUs: number;
  readonly cpuUs: number;
}

const rounds = 10;
const tags = Array.from({ length: 120 }, (_, at) => `product:p${at}`);

const context: RequestContext = {
  requestId: 'measured',
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  deadline: Number.MAX_SAFE_INTEGER,
  signal: new AbortController().signal,
  log: silentLogger,
  downstream: createDownstream(),
  cache: { hits: 0, misses: 0 },
};

/** A node that hears of nothing but the changes of something else that it is told to make. */
function createMeasuredNode() {
  const known = createKnownLog({ epoch: 'measured', number: 0 }, 0, {
    window: { records: 20_000, entries: 100_000 },
    clocks: { boundMs: 2_000, clockSkewMs: 100, now: Date.now, steadyNow: () => performance.now() },
    tagsOf: () => new Set(['product:another']),
    tell: () => {},
  });
  let number = 0;
  const change = () => {
    number += 1;
    const offset = { log: 'measured', at: String(number) };
    const committedAt = Date.now();
    const record = { source: 'catalog', number, offset, xid: String(number), committedAt, events: [] };
    known.apply({ kind: 'record', record });
  };
  change();
  const node: ChangeNode = Object.assign(Object.create(known), {
    reaches: async () => true,
    onApplied: () => () => {},
    close: async () => {},
  });
  return { node, change };
}

function openCache(node: ChangeNode, redisUrl: string | undefined): ReadCache {
  const metrics = createCacheMetrics(createMetrics('measured'));
  const options = { maxBytes: 64_000_000, ttlMs: 1_000, now: Date.now, node, metrics };
  if (redisUrl === undefined) return createReadCache(options);
  const shared = createRedisStore({ url: redisUrl, log: silentLogger, now: Date.now, metrics });
  return createReadCache({ ...options, shared });
}

/** Reads of a service that answers at once, and a whole answer of 50 kB that is made from 120 things. */
function openReads(cache: ReadCache) {
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
  const catalog = createCachedService<Catalog>(client, cache, { tagsOf: () => tags, onRead: noteRead });
  const read = (id: string) => catalog.get('/products/{id}', { path: { id } }, context);
  const make = async (own: RequestContext) => {
    await catalog.get('/products/{id}', { path: { id: 'p2' } }, own);
    return { text: 'x'.repeat(50_000), isWhole: true };
  };
  return { read, give: () => answers.give('a page', make, context) };
}

/** @param begin is called before each round */
async function measure(
  name: string,
  times: number,
  begin: () => void,
  once: (at: number) => Promise<unknown>,
): Promise<HitCost> {
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    begin();
    const before = process.cpuUsage();
    const begunAt = performance.now();
    for (let at = 0; at < times; at += 1) await once(round * times + at);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / times);
    wall.push(((performance.now() - begunAt) / times) * 1_000);
  }
  return { name, wallUs: median(wall), cpuUs: median(cpu) };
}

async function measureInProcess(): Promise<readonly HitCost[]> {
  const { node, change } = createMeasuredNode();
  const cache = openCache(node, undefined);
  const { read, give } = openReads(cache);
  const changeAndGive = () => {
    change();
    return give();
  };
  const costs = [
    await measure('a read of a service, in this process', 20_000, change, () => read('p1')),
    await measure('a whole answer, in this process', 20_000, change, give),
    await measure('a change of something else, and that answer', 2_000, change, changeAndGive),
    await measure('that change alone', 2_000, change, async () => change()),
  ];
  await cache.close();
  return costs;
}

/** What another process has put into Redis, read for the first time here; and a round trip to it, for comparison. */
async function measureWithRedis(url: string): Promise<readonly HitCost[]> {
  const times = 200;
  const { node, change } = createMeasuredNode();
  const first = openCache(node, url);
  const { read } = openReads(first);
  for (let at = 0; at < times * rounds; at += 1) await read(`p${at}`);
  await first.close();
  const other = openCache(node, url);
  const { read: readAgain } = openReads(other);
  const redis = new Redis(url);
  const name = 'a read of a service, from Redis';
  const costs = [
    await measure('one round trip to Redis (GET)', times, change, () => redis.get('nothing')),
    await measure(name, times, change, (at) => readAgain(`p${at}`)),
  ];
  await other.close();
  await redis.quit();
  return costs;
}

/** What a hit costs, beside the cheapest thing that could be done instead. */
export async function reportCacheHits(ending: AsyncDisposableStack): Promise<Report> {
  const costs = await measureInProcess();
  const redis = await startEngine('redis', { PORTICO_ENGINE_DIR: await temporaryFolder(ending) }, ending);
  const fromRedis = redis === undefined ? [] : await measureWithRedis(redis.url);
  const us = (value: number) => `${value.toFixed(2)} µs`;
  const rows = [...costs, ...fromRedis].map(({ name, wallUs, cpuUs }) => [name, us(wallUs), us(cpuUs)]);
  if (redis === undefined)
    rows.push(['from Redis: skipped, as no redis-server or valkey-server is on PATH', '', '']);
  return {
    title: 'What a hit costs',
    note: `The service's answer, and a whole answer of 50 kB, are made from 120 things. Medians of ${rounds} rounds.`,
    heads: ['', 'time', 'of a processor'],
    rows,
  };
}
