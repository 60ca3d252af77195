export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  /** Two hexadecimal digits. */
  readonly flags: string;
}

/** Reads a field `traceparent` (W3C Trace Context level 1, section 3.2); undefined where it is none that is valid. */
export function readTraceparent(received: string | string[] | undefined): TraceParent | undefined {
  if (typeof received !== 'string') return undefined;
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(received);
  if (parts === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = parts;
  return /^0+$/.test(traceId) || /^0+$/.test(spanId) ? undefined : { traceId, spanId, flags };
}
