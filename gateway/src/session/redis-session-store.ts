import { createFailureGate } from '@portico/coherent-cache/failure-gate.ts';
import { parseRedisUrl } from '@portico/coherent-cache/redis-address.ts';
import { withinTime } from '@portico/coherent-cache/redis-client.ts';
import { connectToRedis } from '@portico/coherent-cache/redis-connection.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import { type SessionStore, SessionStoreUnavailable } from './session-store.ts';

export interface RedisSessionStoreOptions {
  /** As of `parseRedisUrl`. */
  readonly url: string;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** The most that one operation may take, in milliseconds: a request makes one, or two when it refreshes. */
  readonly timeoutMs?: number;
}

/** So many commands are under way at a time when there are many. */
const atOnce = 200;

const sessionKey = (id: string) => `portico:session:${id}`;
const groupKey = (group: string) => `portico:sessions-of:${group}`;
const removalKey = (group: string) => `portico:sessions-removed:${group}`;
const leaseKey = (name: string) => `portico:session-lease:${name}`;

/** Scripts of one key each, so that each is one step, also in a cluster. `s` is the content, `v` its version. */
const createScript = `redis.call('HSET', KEYS[1], 'v', '1', 's', ARGV[1], 'x', ARGV[2], 'e', ARGV[3])
  return redis.call('PEXPIRE', KEYS[1], ARGV[4])`;
const replaceScript = `if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[1], 'v', ARGV[2], 's', ARGV[3]) return 1`;
const touchScript = `local e = tonumber(redis.call('HGET', KEYS[1], 'e'))
  if not e then return 0 end
  local x = math.min(e, tonumber(ARGV[1]))
  redis.call('HSET', KEYS[1], 'x', string.format('%.0f', x))
  return redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, x - tonumber(ARGV[2]))))`;
const removeScript = `local s = redis.call('HGET', KEYS[1], 's') redis.call('DEL', KEYS[1]) return s`;
const joinGroupScript = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
  return 1`;
const releaseScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** Sessions of all gateways with one Redis, Valkey or Redis Cluster. */
export function createRedisSessionStore(options: RedisSessionStoreOptions): SessionStore {
  const { url, log, now = Date.now, timeoutMs = 100 } = options;
  const client = connectToRedis(parseRedisUrl(url));
  const outage = createOutageLog(log, {
    down: 'Redis is not available: nobody with a session is known',
    up: 'Redis is available again: sessions are known',
  });
  client.on('error', (error: Error) => outage.down(nameOf(error)));
  client.on('ready', () => outage.up());
  // While Redis is away nobody waits for it: one try a second after three failures.
  const gate = createFailureGate({ failures: 3, pauseMs: 1_000, now });

  const ask = async <T>(operation: () => Promise<T>): Promise<T> => {
    if (!gate.enter()) throw new SessionStoreUnavailable('Redis is left alone for a moment');
    try {
      const reply = await withinTime(operation(), timeoutMs);
      gate.succeeded();
      outage.up();
      return reply;
    } catch (error) {
      // A Redis that refuses to write goes on answering reads.
      if (isReply(error)) gate.succeeded();
      else {
        gate.failed();
        outage.down(nameOf(error));
      }
      throw new SessionStoreUnavailable(nameOf(error));
    }
  };
  const run = (script: string, key: string, ...args: readonly (string | number)[]) =>
    ask(() => client.eval(script, 1, key, ...args));
  const remove = async (id: string) => {
    const sealed = await run(removeScript, sessionKey(id));
    return typeof sealed === 'string' ? sealed : undefined;
  };

  return {
    create: async ({ id, sealed, expiresAt, endsAt, groups, begunAt }) => {
      // Found by its groups before it counts, so that nothing that ends a group misses it.
      for (const group of groups) {
        await run(joinGroupScript, groupKey(group), id, endsAt, now(), Math.max(1, endsAt - now()));
      }
      await run(createScript, sessionKey(id), sealed, expiresAt, endsAt, expiresAt - now());
      // Whoever removes a group marks it first: what wasn't there yet to be removed is marked by now.
      for (const group of groups) {
        const removedAt = await ask(() => client.get(removalKey(group)));
        if (Number(removedAt ?? 0) <= begunAt) continue;
        await remove(id);
        return false;
      }
      return true;
    },
    read: async (id) => {
      const [sealed, version, expiresAt] = await ask(() => client.hmget(sessionKey(id), 's', 'v', 'x'));
      if (typeof sealed !== 'string') return undefined;
      return { sealed, version: Number(version), expiresAt: Number(expiresAt) };
    },
    missing: async (ids) => {
      // One by one, as the keys of a cluster lie on different nodes; all in one go.
      const found = await ask(() => Promise.all(ids.map((id) => client.exists(sessionKey(id)))));
      return ids.filter((_, index) => found[index] === 0);
    },
    replace: async (id, version, sealed) =>
      (await run(replaceScript, sessionKey(id), version, version + 1, sealed)) === 1,
    touch: async (id, expiresAt) => {
      await run(touchScript, sessionKey(id), expiresAt, now());
    },
    remove,
    removeGroup: async (group, markMs, removed) => {
      await ask(() => client.set(removalKey(group), now(), 'PX', markMs));
      const ids = await ask(() => client.zrange(groupKey(group), '0', '-1'));
      for (let from = 0; from < ids.length; from += atOnce) {
        const some = ids.slice(from, from + atOnce);
        const removing = some.map(async (id) => {
          const sealed = await remove(id);
          if (sealed !== undefined) removed({ id, sealed });
        });
        await Promise.all(removing);
      }
    },
    lease: async (name, holder, ttlMs) =>
      (await ask(() => client.set(leaseKey(name), holder, 'PX', ttlMs, 'NX'))) === 'OK',
    release: async (name, holder) => {
      await run(releaseScript, leaseKey(name), holder);
    },
    isAvailable: () => !outage.isDown(),
    close: () => client.disconnect(),
  };
}

const isReply = (error: unknown) => error instanceof Error && error.name === 'ReplyError';

/** For the log. A server may repeat what it was sent, so of its errors only the code is taken. */
function nameOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isReply(error)) return /^[A-Z]+/.exec(message)?.[0] ?? 'error';
  return code ?? message;
}
