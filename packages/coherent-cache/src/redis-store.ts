import type { Logger } from '@portico/runtime/log.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import type { CacheMetrics } from './cache-metrics.ts';
import type { CacheStore } from './cache-store.ts';
import { entryFormat } from './entry-format.ts';
import { createFailureGate } from './failure-gate.ts';
import { parseRedisUrl } from './redis-address.ts';
import { createRedisClient } from './redis-client.ts';

export interface RedisStoreOptions {
  /** `redis://[[user]:password@]host[:port][/db]`, with `?cluster=true` for Redis Cluster. */
  readonly url: string;
  readonly log: Logger;
  readonly now: () => number;
  /** The most that one command may hold up an answer, in milliseconds. */
  readonly commandTimeoutMs?: number;
  /** After so many failures one after the other Redis is left alone for `pauseMs`. */
  readonly failuresBeforePause?: number;
  readonly pauseMs?: number;
  /** Values above this size are not stored. */
  readonly maxValueBytes?: number;
  readonly metrics?: CacheMetrics;
}

/**
 * The cache level that several processes share, in Redis, Valkey or Redis Cluster. Reads and writes fail apart from each
 * other: a Redis that is full or read-only goes on answering reads.
 * @throws TypeError when the URL is not one of Redis.
 */
export function createRedisStore(options: RedisStoreOptions): CacheStore {
  const { log, now, commandTimeoutMs = 20, maxValueBytes = 1_000_000, metrics } = options;
  const { failuresBeforePause: failures = 3, pauseMs = 1_000 } = options;
  const client = createRedisClient({ address: parseRedisUrl(options.url), commandTimeoutMs });
  const reads = createFailureGate({ failures, pauseMs, now });
  const writes = createFailureGate({ failures, pauseMs, now });
  const outage = createOutageLog(log, { down: 'Redis is not available', up: 'Redis is available again' });
  const refusal = createOutageLog(log, { down: 'Redis takes no writes', up: 'Redis takes writes again' });
  client.onLost((error) => outage.down(reasonOf(error)));

  const readFailed = (error: unknown) => {
    metrics?.storeFailures.inc({ store: 'redis', operation: 'get' });
    reads.failed();
    if (reads.isClosed()) outage.down(reasonOf(error));
  };
  const writeFailed = (error: unknown) => {
    metrics?.storeFailures.inc({ store: 'redis', operation: 'set' });
    writes.failed();
    // What is no answer at all is an outage, which reads will notice as well.
    if (writes.isClosed() && isReply(error) && !outage.isDown()) refusal.down(reasonOf(error));
  };

  return {
    name: 'redis',
    getMany: async (keys) => {
      if (keys.length === 0 || !client.isReady() || !reads.enter()) return keys.map(() => undefined);
      const replies = await client.get(keys.map(toRedisKey));
      // One node of a cluster that hangs holds up every read of many keys, so a part that fails is a failure.
      const error = replies.find(isFailure);
      if (error !== undefined) readFailed(error);
      else {
        reads.succeeded();
        outage.up();
      }
      return replies.map((reply) => (Buffer.isBuffer(reply) ? reply : undefined));
    },
    setMany: async (entries) => {
      const fitting = entries
        .map(({ key, bytes, ttlMs }) => ({ key: toRedisKey(key), bytes, ttlMs: Math.floor(ttlMs) }))
        .filter(({ bytes, ttlMs }) => bytes.byteLength <= maxValueBytes && ttlMs > 0);
      if (fitting.length === 0 || !client.isReady() || reads.isClosed() || !writes.enter()) return;
      const error = (await client.set(fitting)).find(isFailure);
      if (error !== undefined) writeFailed(error);
      else {
        writes.succeeded();
        refusal.up();
      }
    },
    close: async () => client.close(),
  };
}

const toRedisKey = (key: string) => `portico:cache:${entryFormat}:${key}`;

/** A key that holds something else than a string is as good as none, and says nothing about Redis. */
function isFailure(reply: unknown): boolean {
  return reply instanceof Error && !reply.message.startsWith('WRONGTYPE');
}

const isReply = (error: unknown) => error instanceof Error && error.name === 'ReplyError';

/** For the log. A server may repeat what it was sent, credentials too, so of its errors only the code is taken. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isReply(error)) return /^[A-Z]+/.exec(message)?.[0] ?? 'error';
  return code ?? message;
}
