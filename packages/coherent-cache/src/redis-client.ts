import { Cluster, type Redis } from 'ioredis';
import type { RedisAddress } from './redis-address.ts';
import { connectToRedis } from './redis-connection.ts';

/** The few commands that the cache needs, each answered within a time of its own, be it by an error. */
export interface RedisClient {
  /** Whether commands can be sent at all right now. */
  isReady(): boolean;
  /** One reply a key, in order: bytes, null for a key that isn't there, or why there is no reply. */
  get(keys: readonly string[]): Promise<unknown[]>;
  /** One reply an entry, as of `get`. */
  set(entries: readonly { key: string; bytes: Uint8Array; ttlMs: number }[]): Promise<unknown[]>;
  /** Called for each error of a connection and each connection that ends, but not for those that we end. */
  onLost(listener: (error: Error) => void): void;
  close(): void;
}

export interface RedisClientOptions {
  readonly address: RedisAddress;
  /** The most that a command may take, in milliseconds. */
  readonly commandTimeoutMs: number;
}

/**
 * A client for one Redis or a Redis Cluster. It connects in the background and for as long as it lives; until it has,
 * commands fail at once. What was under way when a connection ended fails and is not sent a second time.
 */
export function createRedisClient({ address, commandTimeoutMs }: RedisClientOptions): RedisClient {
  const within = <T>(reply: Promise<T>) => withinTime(reply, commandTimeoutMs);
  const client = connectToRedis(address);
  let closing = false;

  return {
    isReady: () => client.status === 'ready',
    ...(client instanceof Cluster ? clusterCommands(client, within) : serverCommands(client, within)),
    onLost: (listener) => {
      const tell = (error: Error) => {
        if (!closing) listener(error);
      };
      client.on('error', tell);
      client.on('close', () => tell(new Error('connection closed')));
    },
    close: () => {
      closing = true;
      client.disconnect();
    },
  };
}

type Within = <T>(reply: Promise<T>) => Promise<T>;
type Commands = Pick<RedisClient, 'get' | 'set'>;

/** A pipeline: one write and one round trip, whatever the number of keys. */
function serverCommands(client: Redis, within: Within): Commands {
  const replies = async (pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> => {
    const count = pipeline.length;
    try {
      const results = (await within(pipeline.exec())) ?? [];
      return results.map(([error, reply]) => error ?? reply);
    } catch (error) {
      return Array(count).fill(error);
    }
  };
  return {
    get: (keys) => {
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.getBuffer(key);
      return replies(pipeline);
    },
    set: (entries) => {
      const pipeline = client.pipeline();
      for (const { key, bytes, ttlMs } of entries) pipeline.set(key, toBuffer(bytes), 'PX', ttlMs);
      return replies(pipeline);
    },
  };
}

/**
 * Single commands, sent side by side: the client refuses a pipeline whose keys lie on different nodes, while each
 * command finds its own node and follows a key that moved.
 */
function clusterCommands(client: Cluster, within: Within): Commands {
  const reply = (sent: Promise<unknown>) => within(sent).catch((error: unknown) => error);
  return {
    get: (keys) => Promise.all(keys.map((key) => reply(client.getBuffer(key)))),
    set: (entries) =>
      Promise.all(
        entries.map(({ key, bytes, ttlMs }) => reply(client.set(key, toBuffer(bytes), 'PX', ttlMs))),
      ),
  };
}

/** Anything but a Buffer would be sent as the text that it converts to. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Waits for a reply, but not for ever. When this process itself was busy for the whole time, what has arrived meanwhile
 * is read before the time is called over.
 */
export function withinTime<T>(reply: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no reply within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    reply.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
