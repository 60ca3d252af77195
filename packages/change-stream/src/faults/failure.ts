import { createHash } from 'node:crypto';
import type { Position } from '../hub/event-hub.ts';

/** How a consumer's code failed at an event. */
export interface Failure {
  readonly error: { readonly name: string; readonly message: string; readonly stack: string };
  /** The code that failed last. */
  readonly codeVersion: string;
  /** ISO 8601. */
  readonly firstAt: string;
  readonly lastAt: string;
  readonly tries: number;
}

/** What a fault says of who opens it. */
export interface FaultContext {
  readonly codeVersion: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A consumer that has more faults than this stops: it is the consumer that is broken, and not an event. */
export const maxFaults = 100;
/** So many events wait behind one fault at the most; a consumer that needs more stops. */
export const maxWaiting = 1_000;
const maxText = 4_000;

/** @param before how it failed when it was tried before */
export function failureOf(error: unknown, { codeVersion, now }: FaultContext, before?: Failure): Failure {
  const at = new Date(now()).toISOString();
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  return {
    error: { name, message: message.slice(0, maxText), stack: stack.slice(0, maxText) },
    codeVersion,
    firstAt: before?.firstAt ?? at,
    lastAt: at,
    tries: (before?.tries ?? 0) + 1,
  };
}

/** The same whoever meets the event, and short enough to type. @param key where an event may be set aside for several */
export function faultId(
  consumer: string,
  { epoch, number }: Position,
  eventId: string,
  key?: string,
): string {
  const what = JSON.stringify([consumer, epoch, number, eventId, key ?? null]);
  // An object's members that look like numbers would come before all others.
  return `f${createHash('sha256').update(what).digest('hex').slice(0, 7)}`;
}
