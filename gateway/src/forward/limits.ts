/** How long an upstream and a client may take, beside the time of the route; in milliseconds. */
export interface ForwardLimits {
  readonly connectTimeoutMs: number;
  /** An answer has to begin so soon after the request was sent. */
  readonly firstByteTimeoutMs: number;
  /** A begun answer that moves no byte for this long is cut off: senders of event streams send comments more often. */
  readonly idleTimeoutMs: number;
  /** A connection that waits unused for this long is ended, well before any upstream of ours ends it (75 s). */
  readonly keepAliveMs: number;
}

export const defaultForwardLimits: ForwardLimits = {
  connectTimeoutMs: 1_000,
  firstByteTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  keepAliveMs: 30_000,
};
