/** Counts wrong passwords, so that nobody can try many. */
export interface AttemptLimit {
  /** Seconds until this login may be tried again; undefined when it may be now. */
  retryAfter(login: string): number | undefined;
  countFailure(login: string): void;
  clear(login: string): void;
}

export interface AttemptLimitOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly maxFailures?: number;
  readonly windowMs?: number;
  /** How many logins are kept in mind; above it the ones that failed first are forgotten. */
  readonly maxLogins?: number;
}

/** For each login, a few failures in a window of time that begins with the first. */
export function createAttemptLimit(options: AttemptLimitOptions): AttemptLimit {
  const { now, maxFailures = 5, windowMs = 60_000, maxLogins = 10_000 } = options;
  const failures = new Map<string, { count: number; readonly endsAt: number }>();
  const current = (login: string) => {
    const found = failures.get(login);
    return found !== undefined && found.endsAt > now() ? found : undefined;
  };
  return {
    retryAfter: (login) => {
      const found = current(login);
      return found === undefined || found.count < maxFailures
        ? undefined
        : Math.ceil((found.endsAt - now()) / 1_000);
    },
    countFailure: (login) => {
      const found = current(login) ?? { count: 0, endsAt: now() + windowMs };
      found.count += 1;
      failures.delete(login);
      failures.set(login, found);
      for (const oldest of failures.keys()) {
        if (failures.size <= maxLogins) break;
        failures.delete(oldest);
      }
    },
    clear: (login) => {
      failures.delete(login);
    },
  };
}
