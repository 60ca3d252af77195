import type { ServerResponse } from 'node:http';
import type { SessionStore } from './session-store.ts';

/** The event streams and WebSockets of sessions in this process. Each ends soon after its session, wherever that was ended. */
export interface SessionStreams {
  /** @param end ends the stream that `res` has become */
  opened(id: string, res: ServerResponse, end: () => void): void;
  /** Ends those of a session that was ended here, at once. */
  ended(id: string): void;
  /** Forgets all of them; they go on. */
  close(): void;
}

export interface SessionStreamsOptions {
  readonly store: SessionStore;
  /** Between two looks at the store, in milliseconds. */
  readonly everyMs?: number;
  /** When nothing was known of sessions for so long, streams end, in milliseconds. */
  readonly unknownMs?: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** So many sessions are asked for in one operation of the store. */
const atOnce = 200;

/**
 * Looks which of the sessions with streams are gone: by sign-out, by the provider, an operator or time, in this process or
 * another one. A message for each end could be lost; what isn't in the store is over for certain.
 */
export function createSessionStreams(options: SessionStreamsOptions): SessionStreams {
  const { store, everyMs = 500, unknownMs = 5_000, now } = options;
  const streams = new Map<string, Map<ServerResponse, () => void>>();
  let timer: NodeJS.Timeout | undefined;
  let knownAt = now();

  const endOf = (ids: readonly string[]) => {
    for (const id of ids) for (const end of streams.get(id)?.values() ?? []) end();
  };
  const look = async () => {
    const ids = [...streams.keys()];
    try {
      for (let from = 0; from < ids.length; from += atOnce) {
        endOf(await store.missing(ids.slice(from, from + atOnce)));
      }
      knownAt = now();
    } catch {
      if (now() - knownAt >= unknownMs) endOf(ids);
    }
  };
  const lookAgain = () => {
    timer = setTimeout(async () => {
      await look();
      if (streams.size > 0) lookAgain();
      else timer = undefined;
    }, everyMs).unref();
  };

  return {
    opened: (id, res, end) => {
      const own = streams.get(id) ?? new Map();
      streams.set(id, own.set(res, end));
      res.once('close', () => {
        own.delete(res);
        if (own.size === 0 && streams.get(id) === own) streams.delete(id);
      });
      if (timer !== undefined) return;
      knownAt = now();
      lookAgain();
    },
    ended: (id) => endOf([id]),
    close: () => {
      streams.clear();
      clearTimeout(timer);
    },
  };
}
