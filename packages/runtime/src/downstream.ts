/** The calls that are made to services for one request. */
export interface Downstream {
  readonly calls: number;
  /** How long at least one call was under way. */
  readonly durationMs: number;
  /** Counts a call; what it gives is called when the call has ended. */
  begin(): () => void;
}

/** @param now milliseconds on a clock that never goes back */
export function createDownstream(now: () => number = () => performance.now()): Downstream {
  let calls = 0;
  let underWay = 0;
  let busySince = 0;
  let durationMs = 0;
  return {
    get calls() {
      return calls;
    },
    get durationMs() {
      return durationMs;
    },
    begin() {
      calls += 1;
      underWay += 1;
      if (underWay === 1) busySince = now();
      return () => {
        underWay -= 1;
        if (underWay === 0) durationMs += now() - busySince;
      };
    },
  };
}
