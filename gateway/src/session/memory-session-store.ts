import type { NewSession, SessionStore } from './session-store.ts';

export interface MemorySessionStoreOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Above so many sessions the oldest end; of names that are taken, and of removed groups, the same number is kept. */
  readonly maxEntries?: number;
}

interface Kept extends NewSession {
  readonly version: number;
}

/** Sessions of this process alone. They end with it. */
export function createMemorySessionStore(options: MemorySessionStoreOptions = {}): SessionStore {
  const { now = Date.now, maxEntries = 100_000 } = options;
  // Maps keep the order of insertion, so the first entries are the oldest.
  const sessions = new Map<string, Kept>();
  const groups = new Map<string, Set<string>>();
  const leases = new Map<string, { readonly holder: string; readonly expiresAt: number }>();
  const removals = new Map<string, { readonly removedAt: number; readonly expiresAt: number }>();

  const find = (id: string): Kept | undefined => {
    const kept = sessions.get(id);
    if (kept === undefined || kept.expiresAt > now()) return kept;
    forget(kept);
    return undefined;
  };
  const forget = ({ id, groups: names }: Kept) => {
    sessions.delete(id);
    for (const name of names) {
      const ids = groups.get(name);
      ids?.delete(id);
      if (ids?.size === 0) groups.delete(name);
    }
  };
  const makeRoomForSession = () => {
    for (const kept of sessions.values()) {
      if (sessions.size < maxEntries && kept.expiresAt > now()) break;
      forget(kept);
    }
  };
  const makeRoom = (entries: Map<string, { readonly expiresAt: number }>) => {
    for (const [name, { expiresAt }] of entries) {
      if (entries.size < maxEntries && expiresAt > now()) break;
      entries.delete(name);
    }
  };
  const isRemovedSince = (group: string, begunAt: number) => {
    const removal = removals.get(group);
    return removal !== undefined && removal.expiresAt > now() && removal.removedAt > begunAt;
  };

  return {
    create: async (session) => {
      if (session.groups.some((group) => isRemovedSince(group, session.begunAt))) return false;
      makeRoomForSession();
      sessions.set(session.id, { ...session, version: 1 });
      for (const name of session.groups) {
        const ids = groups.get(name) ?? new Set();
        groups.set(name, ids.add(session.id));
      }
      return true;
    },
    read: async (id) => {
      const kept = find(id);
      return kept && { sealed: kept.sealed, version: kept.version, expiresAt: kept.expiresAt };
    },
    missing: async (ids) => ids.filter((id) => find(id) === undefined),
    replace: async (id, version, sealed) => {
      const kept = find(id);
      if (kept?.version !== version) return false;
      sessions.set(id, { ...kept, sealed, version: version + 1 });
      return true;
    },
    touch: async (id, expiresAt) => {
      const kept = find(id);
      if (kept !== undefined) sessions.set(id, { ...kept, expiresAt: Math.min(expiresAt, kept.endsAt) });
    },
    remove: async (id) => {
      const kept = find(id);
      if (kept !== undefined) forget(kept);
      return kept?.sealed;
    },
    removeGroup: async (group, markMs, removed) => {
      makeRoom(removals);
      removals.delete(group);
      removals.set(group, { removedAt: now(), expiresAt: now() + markMs });
      const found = [...(groups.get(group) ?? [])].flatMap((id) => find(id) ?? []);
      for (const kept of found) forget(kept);
      found.forEach(removed);
    },
    lease: async (name, holder, ttlMs) => {
      const taken = leases.get(name);
      if (taken !== undefined && taken.expiresAt > now()) return false;
      makeRoom(leases);
      leases.delete(name);
      leases.set(name, { holder, expiresAt: now() + ttlMs });
      return true;
    },
    release: async (name, holder) => {
      if (leases.get(name)?.holder === holder) leases.delete(name);
    },
    isAvailable: () => true,
    close: () => {},
  };
}
