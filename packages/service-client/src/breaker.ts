import { BrokenCircuitError, CircuitState, CountBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import { countsAgainstService, ServiceError } from './service-error.ts';

export interface Breaker {
  /**
   * Runs a call, or refuses to.
   * @throws ServiceError `circuit-open` without calling, while the service is given time to recover.
   */
  run<Result>(call: () => Promise<Result>): Promise<Result>;
}

/** Runs every call. */
export const alwaysClosed: Breaker = { run: (call) => call() };

/** Opens when half of the last 20 calls have failed (at least 8 were made), and tries one call a second later. */
export function createBreaker(service: string): Breaker {
  const policy = circuitBreaker(
    handleWhen((error) => {
      if (!(error instanceof ServiceError)) return false;
      // A trial call that nobody waited for to its end proves nothing: it must not close the circuit.
      const unproven = error.kind === 'cancelled' && policy.state === CircuitState.HalfOpen;
      return unproven || countsAgainstService(error);
    }),
    {
      breaker: new CountBreaker({ threshold: 0.5, size: 20, minimumNumberOfCalls: 8 }),
      halfOpenAfter: 1_000,
    },
  );
  const open = (cause?: unknown) =>
    new ServiceError(service, 'circuit-open', 'not called, as it fails at the moment', { cause });

  return {
    async run(call) {
      // Others would wait for the outcome of the trial call; a page is better off without the part.
      if (policy.state === CircuitState.HalfOpen) throw open();
      try {
        return await policy.execute(call);
      } catch (error) {
        throw error instanceof BrokenCircuitError ? open(error) : error;
      }
    },
  };
}
