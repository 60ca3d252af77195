import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from './access-token.ts';
import { createDownstream, type Downstream } from './downstream.ts';
import type { Logger } from './log.ts';

/** What is known of one request while it is worked on; handed on explicitly to everything that works for it. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C Trace Context of this hop: what calls made for this request send as their parent. */
  readonly traceparent: string;
  /** Epoch milliseconds after which nobody may work on this request. */
  readonly deadline: number;
  /** Aborts when the client has gone away or the deadline has passed. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The calls made to services for this request, for `Server-Timing`. */
  readonly downstream: Downstream;
  /** How the reads of this request were answered, for `Cache-Status`. */
  readonly cache: { hits: number; misses: number };
  /** Whom the request comes from, by a token that was verified; nobody when left out. */
  readonly identity?: Identity;
}

/** Why `signal` aborted: the time of the request was over. */
export class DeadlineExceeded extends Error {
  override name = 'DeadlineExceeded';
}

/** Why `signal` aborted: nobody waits for the answer any more. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

export interface RequestContextOptions {
  readonly log: Logger;
  /** The most that a request may take; `Portico-Timeout-Ms` can only shorten it. */
  readonly timeoutMs: number;
  readonly now?: () => number;
  readonly newId?: () => string;
  readonly newSpanId?: () => string;
}

/**
 * Makes the context of a request that arrived: ids taken over where they are well-formed and made afresh where not,
 * the deadline from `Portico-Timeout-Ms`, and a signal that aborts at the deadline or when the client goes away.
 */
export function createRequestContext(
  req: IncomingMessage,
  res: ServerResponse,
  options: RequestContextOptions,
): RequestContext {
  const { now = Date.now, newId = randomUUID, newSpanId = () => randomBytes(8).toString('hex') } = options;
  const requestId = toRequestId(req.headers) ?? newId();
  const traceparent = nextTraceparent(String(req.headers.traceparent), newSpanId);
  const timeoutMs = Math.min(toTimeoutMs(req.headers) ?? options.timeoutMs, options.timeoutMs);

  const ended = new AbortController();
  const timer = setTimeout(
    () => ended.abort(new DeadlineExceeded('The time of this request is over.')),
    timeoutMs,
  );
  res.once('close', () => {
    clearTimeout(timer);
    if (!res.writableFinished) ended.abort(new ClientGone('The client has gone away.'));
  });

  return {
    requestId,
    traceparent,
    deadline: now() + timeoutMs,
    signal: ended.signal,
    log: options.log.child({ requestId, traceId: traceparent.split('-')[1] }),
    downstream: createDownstream(),
    cache: { hits: 0, misses: 0 },
  };
}

function toRequestId(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['x-request-id'];
  return typeof id === 'string' && /^[\w.:-]{8,128}$/.test(id) ? id : undefined;
}

function toTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['portico-timeout-ms'];
  return typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : undefined;
}

/** Goes on with the caller's trace under a span of our own, or begins a trace (W3C Trace Context level 1, section 3.2). */
function nextTraceparent(received: string, newSpanId: () => string): string {
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(received);
  const valid = parts !== null && !/^0+$/.test(parts[1] ?? '') && !/^0+$/.test(parts[2] ?? '');
  return valid
    ? `00-${parts[1]}-${newSpanId()}-${parts[3]}`
    : `00-${newSpanId()}${newSpanId()}-${newSpanId()}-01`;
}
