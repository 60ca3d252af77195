/**
 * Every way in which a call to a service can fail. The list is closed, so that callers can decide on each.
 *
 * - `refused`: the service answered 4xx or 501; `status` and `detail` say what it didn't like.
 * - `unreachable`: no connection was made.
 * - `reset`: the connection broke before the answer was whole.
 * - `timeout`: no answer in the time of the call.
 * - `failed`: the service answered 5xx.
 * - `bad-answer`: an answer that isn't what the service's document promises: not JSON, another shape, too large.
 * - `circuit-open`: not called, since most recent calls have failed.
 * - `cancelled`: nobody waits for the answer any more.
 */
export type ServiceErrorKind =
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'timeout'
  | 'failed'
  | 'bad-answer'
  | 'circuit-open'
  | 'cancelled';

export interface ServiceErrorOptions {
  readonly status?: number;
  /** What the service itself said, of a `refused` call: it is meant for clients. */
  readonly detail?: string;
  /** Of a `refused` call, the kind of problem (`type`, RFC 9457), if the service named one. */
  readonly problem?: string;
  readonly cause?: unknown;
}

/** A call to a service that gave no usable answer. */
export class ServiceError extends Error {
  override name = 'ServiceError';
  readonly service: string;
  readonly kind: ServiceErrorKind;
  readonly status: number | undefined;
  readonly detail: string | undefined;
  readonly problem: string | undefined;

  constructor(service: string, kind: ServiceErrorKind, message: string, options: ServiceErrorOptions = {}) {
    super(`${service}: ${message}`, { cause: options.cause });
    this.service = service;
    this.kind = kind;
    this.status = options.status;
    this.detail = options.detail;
    this.problem = options.problem;
  }
}

/** Whether another try could give another outcome, and none was begun at the service that must not be doubled. */
export function isWorthRetrying(error: ServiceError): boolean {
  return error.kind === 'unreachable' || error.kind === 'reset' || error.kind === 'failed';
}

/** Whether the failure speaks against the service, rather than against the caller. */
export function countsAgainstService(error: ServiceError): boolean {
  return error.kind !== 'refused' && error.kind !== 'cancelled' && error.kind !== 'circuit-open';
}
