/** A session as it is kept. No adapter ever sees what the cookie holds, or what is in the session. */
export interface NewSession {
  /** A hash of what the cookie holds. */
  readonly id: string;
  readonly sealed: string;
  /** Epoch milliseconds from which it is as good as gone; can be put off by `touch`. */
  readonly expiresAt: number;
  /** Epoch milliseconds beyond which `touch` never puts it. */
  readonly endsAt: number;
  /** Hashes under which it can be found to be removed with others. */
  readonly groups: readonly string[];
  /** When its sign-in began, in epoch milliseconds: a group that was removed since then takes it with it. */
  readonly begunAt: number;
}

export type RemovedSession = Pick<NewSession, 'id' | 'sealed'>;

export interface StoredSession {
  readonly sealed: string;
  /** Grows with each change: the fencing number of `replace`. */
  readonly version: number;
  readonly expiresAt: number;
}

/**
 * Where sessions are kept, for all instances of a gateway together. Each operation either happens or rejects with
 * `SessionStoreUnavailable` within its time; none may guess.
 */
export interface SessionStore {
  /** False when one of its groups was removed after `begunAt`: it is not there then. */
  create(session: NewSession): Promise<boolean>;
  /** Undefined for what was never there, was removed or has expired. */
  read(id: string): Promise<StoredSession | undefined>;
  /** Those of these that are not there. */
  missing(ids: readonly string[]): Promise<readonly string[]>;
  /** Changes the content if it is still of this version; false when it has another one, or is gone. */
  replace(id: string, version: number, sealed: string): Promise<boolean>;
  /** Puts off the expiry of a session that is there; does nothing otherwise. */
  touch(id: string, expiresAt: number): Promise<void>;
  /** Gives the content of what was there; undefined when another one has removed it, or nothing was there. */
  remove(id: string): Promise<string | undefined>;
  /**
   * Removes all that were made with this group. For `markMs` none is made with it whose sign-in had begun before.
   * @param removed is told of each that was there: also where others can't be removed, and this rejects
   */
  removeGroup(group: string, markMs: number, removed: (session: RemovedSession) => void): Promise<void>;
  /** Takes a name for a while; false while another holder has it. It is free again by itself after `ttlMs`. */
  lease(name: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives a name back before its time, if this holder has it. */
  release(name: string, holder: string): Promise<void>;
  /** Whether it answers, as far as is known. */
  isAvailable(): boolean;
  close(): void;
}

/** The store gave no answer: nothing is known of any session, which is another thing than that there is none. */
export class SessionStoreUnavailable extends Error {
  override name = 'SessionStoreUnavailable';
}
