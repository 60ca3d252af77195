import { createPlaces, type Places } from '@portico/runtime/places.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { createWindowCounts } from '@portico/runtime/window-counts.ts';
import { ProviderRefused } from './identity-provider.ts';

/** Lets the exchanges of codes for tokens through to the provider, so many at a time. */
export interface CodeExchanges {
  /**
   * Makes an exchange when there is room for it.
   * @param peer whose it is, as of `toPeerKey`
   * @param signal ends the wait of who has gone away, whose exchange is never made
   * @throws Problem `unavailable` when there was no room in time: nothing has been done, and it can be tried again
   */
  run<T>(peer: string, signal: AbortSignal, exchange: () => Promise<T>): Promise<T>;
}

/** So many at a time, and so many of those who have failed lately. */
const atOnce = { usual: 32, failed: 4 };
/** For each that is under way so many wait, for so long. */
const waitingForEach = 8;
const waitMs = 2_000;
/** For so long a failure is kept in mind, in milliseconds; of so many peers. */
const failureMs = 60_000;
const maxPeers = 10_000;

/**
 * A code says nothing before the provider was asked, so whoever invents some could have it asked without end. Those whose last
 * exchange failed share a few places; a failure keeps nobody else from an exchange, and nobody out.
 */
export function createCodeExchanges(now: () => number): CodeExchanges {
  const failures = createWindowCounts({ windowMs: failureMs, maxKeys: maxPeers, now });
  const placesFor = (count: number) => createPlaces(count, count * waitingForEach);
  const [usual, failed] = [placesFor(atOnce.usual), placesFor(atOnce.failed)];
  const enter = async (places: Places, signal: AbortSignal) => {
    try {
      return await places.enter(AbortSignal.any([signal, AbortSignal.timeout(waitMs)]));
    } catch {
      signal.throwIfAborted();
      throw busy();
    }
  };
  return {
    run: async (peer, signal, exchange) => {
      const leave = await enter(failures.of(peer).count > 0 ? failed : usual, signal);
      try {
        return await exchange();
      } catch (error) {
        if (error instanceof ProviderRefused && error.message !== 'access_denied') failures.add(peer);
        throw error;
      } finally {
        leave();
      }
    },
  };
}

function busy(): Problem {
  return new Problem('unavailable', 'Too many sign-ins come back at the moment. Load this page again.', {
    headers: { 'Retry-After': '2' },
  });
}
