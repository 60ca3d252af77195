export interface FailureGateOptions {
  /** So many failures one after the other close the gate. */
  readonly failures: number;
  /** How long it stays closed before one trial is let through. */
  readonly pauseMs: number;
  readonly now: () => number;
}

/** Keeps us from asking, again and again, something that does not answer. */
export interface FailureGate {
  /** Whether to try now. Of those who ask after a pause one is let through, until its outcome is known or the next pause over. */
  enter(): boolean;
  succeeded(): void;
  failed(): void;
  isClosed(): boolean;
}

export function createFailureGate({ failures, pauseMs, now }: FailureGateOptions): FailureGate {
  let consecutive = 0;
  let closedUntil = 0;
  const isClosed = () => consecutive >= failures;

  return {
    isClosed,
    enter: () => {
      if (!isClosed()) return true;
      if (now() < closedUntil) return false;
      closedUntil = now() + pauseMs;
      return true;
    },
    succeeded: () => {
      consecutive = 0;
    },
    failed: () => {
      consecutive += 1;
      if (isClosed()) closedUntil = now() + pauseMs;
    },
  };
}
