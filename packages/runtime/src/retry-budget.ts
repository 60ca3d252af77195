/** Says whether a retry may be made, so that retries stay a small share of calls even when every call fails. */
export interface RetryBudget {
  /** Notes a first try. */
  countCall(): void;
  /** True takes one retry out of the budget. */
  takeRetry(): boolean;
}

/**
 * A token bucket: each call pays `share` of a retry in, each retry takes one out. After n calls at most
 * `ceil(n × share)` retries were made, and after a quiet time at most `maxSaved` are made at once.
 */
export function createRetryBudget(share = 0.1, maxSaved = 10): RetryBudget {
  // In thousandths, as sums of 0.1 drift. What is there at first lets the very first call be tried again.
  const price = 1000;
  const payment = Math.round(share * price);
  let saved = price - payment;
  return {
    countCall() {
      saved = Math.min(saved + payment, maxSaved * price);
    },
    takeRetry() {
      if (saved < price) return false;
      saved -= price;
      return true;
    },
  };
}
