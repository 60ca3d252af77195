import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Stored {
  readonly payload: AdapterPayload;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** What the provider remembers: sign-ins under way, sessions, grants, codes and refresh tokens. */
export type ProviderMemory = (model: string) => Adapter;

const defaultLifetimeSeconds = 86_400;
/** For so long a used refresh token of a client with a secret counts: the answer that had the next one may have been lost. */
const graceSeconds = 10;

/**
 * Remembers in this process and nowhere else, which is enough for a stand-in: whoever is signed in signs in again after
 * a restart. Above `maxEntries` the oldest are forgotten.
 * @param forgiven the id of a client whose used refresh tokens count for a moment yet; of others, which have no secret, the second
 *   use of one is a theft (RFC 9700 section 4.14.2)
 */
export function createProviderMemory(
  now: () => number,
  maxEntries = 20_000,
  forgiven?: string,
): ProviderMemory {
  // A Map keeps the order of insertion, so the first entries are the oldest.
  const entries = new Map<string, Stored>();

  const read = (key: string): AdapterPayload | undefined => {
    const stored = entries.get(key);
    return stored !== undefined && stored.expiresAt > now() ? stored.payload : undefined;
  };
  const write = (key: string, payload: AdapterPayload, lifetimeSeconds = defaultLifetimeSeconds) => {
    entries.delete(key);
    entries.set(key, { payload, expiresAt: now() + lifetimeSeconds * 1_000 });
    for (const [oldest, { expiresAt }] of entries) {
      if (entries.size <= maxEntries && expiresAt > now()) break;
      entries.delete(oldest);
    }
  };
  const find = (matches: (payload: AdapterPayload) => boolean) =>
    [...entries.values()].find(({ payload, expiresAt }) => expiresAt > now() && matches(payload))?.payload;

  return (model) => {
    const keyOf = (id: string) => `${model}:${id}`;
    return {
      upsert: async (id, payload, lifetimeSeconds) => write(keyOf(id), payload, lifetimeSeconds),
      find: async (id) => {
        const payload = read(keyOf(id));
        if (model !== 'RefreshToken' || payload === undefined || payload.clientId !== forgiven)
          return payload;
        return forgiving(payload, now());
      },
      findByUid: async (uid) => find((payload) => payload.kind === model && payload.uid === uid),
      // Device codes are not offered.
      findByUserCode: async () => undefined,
      consume: async (id) => {
        const stored = entries.get(keyOf(id));
        if (stored !== undefined) stored.payload.consumed = Math.floor(now() / 1_000);
      },
      destroy: async (id) => {
        entries.delete(keyOf(id));
      },
      revokeByGrantId: async (grantId) => {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
      },
    };
  };
}

function forgiving({ consumed, ...payload }: AdapterPayload, now: number): AdapterPayload {
  const late = typeof consumed === 'number' && now / 1_000 - consumed >= graceSeconds;
  return late ? { ...payload, consumed } : payload;
}
