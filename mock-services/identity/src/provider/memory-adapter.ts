import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Stored {
  readonly payload: AdapterPayload;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** What the provider remembers: sign-ins under way, sessions, grants, codes and refresh tokens. */
export interface ProviderMemory {
  readonly adapter: (model: string) => Adapter;
  /** Forgets all sessions, grants, codes and refresh tokens of a user. */
  forgetAccount(accountId: string): void;
}

const defaultLifetimeSeconds = 86_400;
/** For so long a used refresh token of a client with a secret counts: the answer that had the next one may have been lost. */
const graceSeconds = 10;

/**
 * Remembers in this process and nowhere else, which is enough for a stand-in: whoever is signed in signs in again after
 * a restart. Of each kind the oldest are forgotten above `maxEntries`: sign-ins that anybody begins push nobody's session out.
 * @param forgiven the id of a client whose used refresh tokens count for a moment yet; of others, which have no secret, the second
 *   use of one is a theft (RFC 9700 section 4.14.2)
 */
export function createProviderMemory(
  now: () => number,
  maxEntries = 20_000,
  forgiven?: string,
): ProviderMemory {
  const models = new Map<string, Map<string, Stored>>();
  const entriesOf = (model: string) => {
    // A Map keeps the order of insertion, so the first entries are the oldest.
    const entries = models.get(model) ?? new Map<string, Stored>();
    models.set(model, entries);
    return entries;
  };

  const adapter = (model: string): Adapter => {
    const entries = entriesOf(model);
    const isAlive = ({ expiresAt }: Stored) => expiresAt > now();
    return {
      upsert: async (id, payload, lifetimeSeconds = defaultLifetimeSeconds) => {
        entries.delete(id);
        entries.set(id, { payload, expiresAt: now() + lifetimeSeconds * 1_000 });
        for (const [oldest, stored] of entries) {
          if (entries.size <= maxEntries && isAlive(stored)) break;
          entries.delete(oldest);
        }
      },
      find: async (id) => {
        const stored = entries.get(id);
        if (stored === undefined || !isAlive(stored)) return undefined;
        const { payload } = stored;
        const forgives = model === 'RefreshToken' && payload.clientId === forgiven;
        return forgives ? forgiving(payload, now()) : payload;
      },
      findByUid: async (uid) =>
        [...entries.values()].find((stored) => isAlive(stored) && stored.payload.uid === uid)?.payload,
      // Device codes are not offered.
      findByUserCode: async () => undefined,
      consume: async (id) => {
        const stored = entries.get(id);
        if (stored !== undefined) stored.payload.consumed = Math.floor(now() / 1_000);
      },
      destroy: async (id) => {
        entries.delete(id);
      },
      revokeByGrantId: async (grantId) => {
        for (const [id, { payload }] of entries) if (payload.grantId === grantId) entries.delete(id);
      },
    };
  };
  return {
    adapter,
    forgetAccount: (accountId) => {
      for (const entries of models.values())
        for (const [id, { payload }] of entries) if (payload.accountId === accountId) entries.delete(id);
    },
  };
}

function forgiving({ consumed, ...payload }: AdapterPayload, now: number): AdapterPayload {
  const late = typeof consumed === 'number' && now / 1_000 - consumed >= graceSeconds;
  return late ? { ...payload, consumed } : payload;
}
