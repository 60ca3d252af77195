/** Checks by name; one that rejects or takes too long is not ready. */
export type HealthChecks = Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>>;

export interface Readiness {
  readonly ready: boolean;
  /** Names of what is not ready. */
  readonly notReady: readonly string[];
}

/** Runs all checks side by side, each for at most `timeoutMs`. */
export async function checkReadiness(checks: HealthChecks, timeoutMs = 1000): Promise<Readiness> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const late = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      return Promise.race([check(signal), late]).then(
        () => undefined,
        () => name,
      );
    }),
  );
  const notReady = outcomes.filter((name) => name !== undefined);
  return { ready: notReady.length === 0, notReady };
}
