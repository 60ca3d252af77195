import { Problem } from '@portico/runtime/problems.ts';

/** Resolves after a time, or rejects with the signal's reason. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** Whoever gave the customer the payment token. */
export interface PaymentProvider {
  /**
   * Waits until the provider can say whether the token pays.
   * @throws Problem `unavailable` when it can't be reached
   */
  reach(token: string, signal: AbortSignal): Promise<void>;
  pays(token: string): boolean;
}

/** What the demo's provider does goes by the token alone: that of another name is declined. */
export function createProvider(wait: Wait): PaymentProvider {
  return {
    reach: async (token, signal) => {
      if (token === 'tok_slow') await wait(3_000, signal);
      if (token === 'tok_unreachable')
        throw new Problem('unavailable', 'The payment provider can not be reached at the moment.');
    },
    pays: (token) => token === 'tok_ok' || token === 'tok_slow',
  };
}
