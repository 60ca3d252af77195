import { randomUUID } from 'node:crypto';
import type { AsideEvent } from './set-aside.ts';
import type { ViewCursor } from './view.ts';
import type { StoredStates, ViewChange, ViewStore } from './view-store.ts';

/** What is needed of a client of Redis or Redis Cluster. */
export interface ViewRedis {
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
}

export interface RedisViewStoreOptions {
  readonly redis: ViewRedis;
  readonly view: { readonly name: string; readonly version: number };
  /** The most that one command may take, in milliseconds. */
  readonly commandTimeoutMs?: number;
}

/** What nobody has moved on for so long is of a view that nobody reads; the hub has let go of its place long before. */
const keepSeconds = 30 * 86_400;
/** What is built beside a view, and was not added to for so long, is of a process that died. */
const besideSeconds = 600;

/**
 * KEYS: the view. ARGV: the cursor and the build that the change was made from, the new cursor, 1 to clear, seconds to keep,
 * then fields and values, '' to take a field off. Values go in one by one, as the arguments of one call are limited.
 */
const moveScript = `
local there = redis.call('HMGET', KEYS[1], 'cursor', 'build')
if (there[1] or '') ~= ARGV[1] or (there[2] or '') ~= ARGV[2] then return 0 end
if ARGV[4] == '1' then redis.call('UNLINK', KEYS[1]) end
for at = 6, #ARGV, 2 do
  if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[at])
  else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
redis.call('HSET', KEYS[1], 'cursor', ARGV[3])
if there[2] then redis.call('HSET', KEYS[1], 'build', there[2]) end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1`;

/**
 * KEYS: the view, what was built beside it. ARGV: a name for the build, seconds to keep. What was there is freed behind
 * Redis's back; a rename onto it would hold up everybody meanwhile.
 */
const takeOverScript = `
local anew = redis.call('HGET', KEYS[2], 'cursor')
if not anew then return redis.error_reply('what was built beside the view is gone') end
local there = redis.call('HGET', KEYS[1], 'cursor')
if there then
  local from, to = cjson.decode(there).position, cjson.decode(anew).position
  if from.epoch == to.epoch and from.number > to.number then return 0 end
end
redis.call('HSET', KEYS[2], 'build', ARGV[1])
redis.call('UNLINK', KEYS[1])
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1`;

/**
 * A view in Redis, for all instances that read it. It is one hash, with the cursor as one of its fields: so it lies in one slot
 * of a cluster, is read and changed in one go, and is lost or evicted as a whole or not at all. Another field names the build,
 * where it was built anew: what was made from the states of another build doesn't count.
 */
export function createRedisViewStore<State>(options: RedisViewStoreOptions): ViewStore<State> {
  const { redis, view, commandTimeoutMs = 1_000 } = options;
  const key = `portico:view:{${view.name}:${view.version}}`;
  const evaluate = (script: string, keys: readonly string[], given: readonly string[]) =>
    withinTime(redis.eval(script, keys.length, ...keys, ...given), commandTimeoutMs);

  return {
    ...storeIn<State>(options, key, keepSeconds),
    beside: () => {
      const build = randomUUID();
      const anew = `${key}:${build}`;
      return {
        update: storeIn<State>(options, anew, besideSeconds).update,
        takeOver: async () =>
          (await evaluate(takeOverScript, [key, anew], [build, String(keepSeconds)])) === 1,
        drop: async () => void (await evaluate("return redis.call('UNLINK', KEYS[1])", [anew], [])),
      };
    },
  };
}

function storeIn<State>(
  { redis, commandTimeoutMs = 1_000 }: RedisViewStoreOptions,
  key: string,
  seconds: number,
): Pick<ViewStore<State>, 'read' | 'readAside' | 'update'> {
  const readFields = async <Value>(names: readonly string[], fieldOf: (name: string) => string) => {
    const reply = redis.hmget(key, 'cursor', 'build', ...names.map(fieldOf));
    const [cursorText, build, ...texts] = await withinTime(reply, commandTimeoutMs);
    const values = new Map<string, Value>();
    for (const [at, name] of names.entries()) {
      const text = texts[at];
      if (typeof text === 'string') values.set(name, JSON.parse(text));
    }
    const cursor: ViewCursor | undefined = cursorText ? JSON.parse(cursorText) : undefined;
    return { from: [cursorText ?? '', build ?? ''], cursor, values };
  };
  const readWithText = async (keys: readonly string[]) => {
    const { from, cursor, values: states } = await readFields<State>(keys, toField);
    return { from, stored: { cursor, states } satisfies StoredStates<State> };
  };

  const move = (from: readonly string[], { cursor, isCleared, states, aside }: ViewChange<State>) => {
    const values = [...states].flatMap(([name, state]) => [toField(name), JSON.stringify(state)]);
    const others = [...(aside ?? [])].flatMap(([name, event]) => [
      toAsideField(name),
      event === null ? '' : JSON.stringify(event),
    ]);
    const head = [...from, JSON.stringify(cursor), isCleared ? '1' : '0', String(seconds)];
    const given = [...head, ...values, ...others];
    return withinTime(redis.eval(moveScript, 1, key, ...given), commandTimeoutMs);
  };

  return {
    read: async (keys) => (await readWithText(keys)).stored,
    readAside: async (names) => {
      const { cursor, values: aside } = await readFields<AsideEvent>(names, toAsideField);
      return { cursor, aside };
    },
    update: async (keys, change) => {
      for (;;) {
        const { from, stored } = await readWithText(keys);
        const changed = change(stored);
        if (changed === undefined) return stored.cursor;
        if ((await move(from, changed)) === 1) return changed.cursor;
      }
    },
  };
}

/** No key can be the cursor. */
const toField = (key: string) => `state:${key}`;
const toAsideField = (name: string) => `aside:${name}`;

function withinTime<T>(reply: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no reply within ${timeoutMs} ms`)), timeoutMs);
    reply.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
