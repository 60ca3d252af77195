import { createWindowCounts, type WindowCounts } from '@portico/runtime/window-counts.ts';

/** Who tries a password. */
export interface Attempt {
  /** The name that was typed. */
  readonly login: string;
  /** What the peer is counted under, as of `toPeerKey`: the other end of the connection, whatever its fields say. */
  readonly peer: string;
  /** The browser, where this user has signed in with it before. */
  readonly browser: string | undefined;
}

/** Counts wrong passwords, so that nobody can try many, and nobody can keep others out by trying. */
export interface AttemptLimit {
  /** Why this may not be tried now; undefined when it may. */
  refusal(attempt: Attempt): Refusal | undefined;
  countFailure(attempt: Attempt): void;
  countSuccess(attempt: Attempt): void;
}

export interface Refusal {
  readonly by: 'browser' | 'user' | 'peer';
  readonly retryAfterS: number;
}

export interface AttemptLimitOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** How many of a kind are kept in mind; above it those that failed first are forgotten. */
  readonly maxKept?: number;
}

/** Wrong passwords a minute for one user, or in one browser that its user has signed in with before. */
const ofOne = 5;
/** Of one peer, for whichever users: who tries one password with many names. */
const ofPeer = 20;
/** When strangers have failed so often altogether, they come from many addresses: each has fewer then. */
const many = 100;
const ofPeerOfMany = 3;

/**
 * Five failures a minute for each user, and twenty for each peer over all users: three while there are more than a hundred
 * altogether. Failures of strangers don't count for a browser that its user has signed in with before, so they can't keep
 * that user out. What is refused is not counted.
 */
export function createAttemptLimit({ now, maxKept = 10_000 }: AttemptLimitOptions): AttemptLimit {
  const counts = () => createWindowCounts({ windowMs: 60_000, maxKeys: maxKept, now });
  const [browsers, users, peers, strangers] = [counts(), counts(), counts(), counts()];
  const refusalOf = (by: Refusal['by'], kept: WindowCounts, key: string, most: number) => {
    const { count, endsAt } = kept.of(key);
    return count < most ? undefined : { by, retryAfterS: Math.ceil((endsAt - now()) / 1_000) };
  };
  return {
    refusal: ({ login, peer, browser }) => {
      if (browser !== undefined) return refusalOf('browser', browsers, browser, ofOne);
      const most = strangers.of('all').count > many ? ofPeerOfMany : ofPeer;
      return refusalOf('user', users, login, ofOne) ?? refusalOf('peer', peers, peer, most);
    },
    countFailure: ({ login, peer, browser }) => {
      if (browser !== undefined) {
        browsers.add(browser);
        return;
      }
      users.add(login);
      peers.add(peer);
      strangers.add('all');
    },
    countSuccess: ({ login, browser }) => {
      // Not of the peer: who has one password could try the next twenty.
      if (browser === undefined) users.clear(login);
      else browsers.clear(browser);
    },
  };
}
