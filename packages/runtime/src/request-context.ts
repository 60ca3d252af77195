import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from './access-token.ts';
import { createDownstream, type Downstream } from './downstream.ts';
import type { Logger } from './log.ts';
import { readTraceparent } from './traceparent.ts';

/** What is known of one request while it is worked on; handed on explicitly to everything that works for it. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C Trace Context of this hop: what calls made for this request send as their parent. */
  readonly traceparent: string;
  /** Epoch milliseconds after which nobody may work on this request. */
  readonly deadline: number;
  /** Aborts when the client has gone away or the deadline has passed. */
  readonly signal: AbortSignal;
  /** Why nobody may work on this request any more: the reason of `signal`, for which none has to be made. */
  readonly endReason?: unknown;
  readonly log: Logger;
  /** The calls made to services for this request, for `Server-Timing`. */
  readonly downstream: Downstream;
  /** How the reads of this request were answered, for `Cache-Status` and `Age`. */
  readonly cache: CacheUse;
  /** Whom the request comes from, once a token was verified; nobody when left out. */
  identity?: Identity | undefined;
  /** Somebody is signed in, and it can't be said now who: what anybody may see goes on, and nothing else. */
  isUserUnknown?: boolean;
  /** What the answer's client has to see from now on, where account is kept of that. */
  consistency?: RequestConsistency | undefined;
}

export interface RequestConsistency {
  /** `Portico-Consistency` of the answer, as far as it is made by now; undefined when there is nothing to say. */
  token(): string | undefined;
}

export interface CacheUse {
  hits: number;
  misses: number;
  /** How long ago the oldest thing that was given was read. */
  ageMs?: number;
  /** Which services' answers were given that live by time, as nobody says when they change, and how long they can be. */
  byTime?: { readonly sources: Set<string>; leftMs: number };
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
  /** 16 random hexadecimal digits. */
  readonly newSpanId: () => string;
  readonly now?: () => number;
  readonly newId?: () => string;
}

/**
 * Makes the context of a request that arrived: ids taken over where they are well-formed and made afresh where not,
 * the deadline from `Portico-Timeout-Ms`, and a signal that aborts at the deadline or when the client goes away.
 * @param traceparent of the span that records the request, if one does
 */
export function createRequestContext(
  req: IncomingMessage,
  res: ServerResponse,
  options: RequestContextOptions,
  traceparent?: string,
): RequestContext {
  return new ArrivedRequest(req, res, options, traceparent);
}

/** Signal, log and account are made when they are first asked for: a request that is only passed on needs none. */
class ArrivedRequest implements RequestContext {
  readonly requestId: string;
  readonly traceparent: string;
  readonly deadline: number;
  readonly cache: CacheUse = { hits: 0, misses: 0 };
  identity: Identity | undefined;
  isUserUnknown = false;
  consistency: RequestConsistency | undefined;
  readonly #res: ServerResponse;
  readonly #parentLog: Logger;
  /** On a clock that never goes back. */
  readonly #endsAt: number;
  #signal: AbortSignal | undefined;
  #log: Logger | undefined;
  #downstream: Downstream | undefined;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    options: RequestContextOptions,
    traceparent: string | undefined,
  ) {
    const { now = Date.now, newId = randomUUID, newSpanId } = options;
    const timeoutMs = Math.min(toTimeoutMs(req.headers) ?? options.timeoutMs, options.timeoutMs);
    this.requestId = toRequestId(req.headers) ?? newId();
    this.traceparent = traceparent ?? nextTraceparent(req.headers.traceparent, newSpanId);
    this.deadline = now() + timeoutMs;
    this.#endsAt = performance.now() + timeoutMs;
    this.#res = res;
    this.#parentLog = options.log;
  }

  get signal(): AbortSignal {
    this.#signal ??= endOf(this.#res, this.#endsAt - performance.now());
    return this.#signal;
  }

  get endReason(): unknown {
    if (this.#signal !== undefined) return this.#signal.reason;
    if (this.#res.destroyed) return this.#res.writableFinished ? undefined : clientGone();
    return performance.now() < this.#endsAt ? undefined : tooLate();
  }

  get log(): Logger {
    this.#log ??= this.#parentLog.child({
      requestId: this.requestId,
      traceId: traceIdOf(this),
      ...(this.identity === undefined ? {} : { subject: this.identity.subject }),
    });
    return this.#log;
  }

  get downstream(): Downstream {
    this.#downstream ??= createDownstream();
    return this.#downstream;
  }
}

/** The id of the trace that a request belongs to. */
export function traceIdOf({ traceparent }: Pick<RequestContext, 'traceparent'>): string {
  return traceparent.slice(3, 35);
}

const tooLate = () => new DeadlineExceeded('The time of this request is over.');
const clientGone = () => new ClientGone('The client has gone away.');

/** Aborts when the client of `res` goes away or `leftMs` have passed, whichever has happened or happens first. */
function endOf(res: ServerResponse, leftMs: number): AbortSignal {
  const ended = new AbortController();
  const late = () => ended.abort(tooLate());
  const gone = () => ended.abort(clientGone());
  if (res.destroyed) {
    if (!res.writableFinished) gone();
  } else if (leftMs <= 0) {
    late();
  } else {
    const timer = setTimeout(late, leftMs);
    res.once('close', () => {
      clearTimeout(timer);
      if (!res.writableFinished) gone();
    });
  }
  return ended.signal;
}

function toRequestId(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['x-request-id'];
  return typeof id === 'string' && /^[\w.:-]{8,128}$/.test(id) ? id : undefined;
}

function toTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['portico-timeout-ms'];
  return typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : undefined;
}

/** Goes on with the caller's trace under a span of our own, or begins a trace. */
function nextTraceparent(received: string | string[] | undefined, newSpanId: () => string): string {
  const parent = readTraceparent(received);
  return parent === undefined
    ? `00-${newSpanId()}${newSpanId()}-${newSpanId()}-01`
    : `00-${parent.traceId}-${newSpanId()}-${parent.flags}`;
}
