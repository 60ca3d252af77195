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

/**
 * KEYS: the view. ARGV: the cursor that the change was made from, the new one, 1 to clear, seconds to keep, then fields and values, '' to
 * take a field off. Values go in one by one, as the arguments of one call are limited.
 */
const moveScript = `
if (redis.call('HGET', KEYS[1], 'cursor') or '') ~= ARGV[1] then return 0 end
if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end
for at = 5, #ARGV, 2 do
  if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[at])
  else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1`;

/**
 * A view in Redis, for all instances that read it. It is one hash, with the cursor as one of its fields: so it lies in one slot
 * of a cluster, is read and changed in one go, and is lost or evicted as a whole or not at all.
 */
export function createRedisViewStore<State>(options: RedisViewStoreOptions): ViewStore<State> {
  const { redis, view, commandTimeoutMs = 1_000 } = options;
  const key = `portico:view:{${view.name}:${view.version}}`;

  const readFields = async <Value>(names: readonly string[], fieldOf: (name: string) => string) => {
    const reply = redis.hmget(key, 'cursor', ...names.map(fieldOf));
    const [cursorText, ...texts] = await withinTime(reply, commandTimeoutMs);
    const values = new Map<string, Value>();
    for (const [at, name] of names.entries()) {
      const text = texts[at];
      if (typeof text === 'string') values.set(name, JSON.parse(text));
    }
    const cursor: ViewCursor | undefined = cursorText ? JSON.parse(cursorText) : undefined;
    return { cursorText: cursorText ?? '', cursor, values };
  };
  const readWithText = async (keys: readonly string[]) => {
    const { cursorText, cursor, values: states } = await readFields<State>(keys, toField);
    return { cursorText, stored: { cursor, states } satisfies StoredStates<State> };
  };

  const move = (from: string, { cursor, isCleared, states, aside }: ViewChange<State>) => {
    const values = [...states].flatMap(([name, state]) => [toField(name), JSON.stringify(state)]);
    const others = [...(aside ?? [])].flatMap(([name, event]) => [
      toAsideField(name),
      event === null ? '' : JSON.stringify(event),
    ]);
    const head = [from, JSON.stringify(cursor), isCleared ? '1' : '0', String(keepSeconds)];
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
        const { cursorText, stored } = await readWithText(keys);
        const changed = change(stored);
        if (changed === undefined) return stored.cursor;
        if ((await move(cursorText, changed)) === 1) return changed.cursor;
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
