import type { Database } from '@portico/runtime/database.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import type { Tracing } from '@portico/runtime/tracing.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { Transaction } from 'kysely';
import type { OrdersTables } from '../database.ts';
import { changeOrder, loadForChange, loadOrder } from '../store/order-store.ts';
import type { Perform } from './call-participants.ts';
import { conclude, type Outcome, type Step } from './place-order.ts';
import { planSteps, putOff, removeStep, returnToTaken, type StepRow, takeStep } from './saga-steps.ts';

export interface SagaOptions {
  /** With as many connections as `concurrency`: each step holds one. */
  readonly db: Database<OrdersTables>;
  readonly perform: Perform;
  readonly log: Logger;
  /** Records each try of a step in the trace of its order; nothing is recorded when left out. */
  readonly tracing?: Tracing | undefined;
  /** So many steps are under way at once in this process. */
  readonly concurrency: number;
  /** Epoch milliseconds, for what is written down. */
  readonly now?: () => number;
  /** How often it looks for steps that others left. */
  readonly pollMs?: number;
  /** The pause after the first failure; each further one is twice as long, up to the longest. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  /** A step that is not done so long after its first try began is taken back. */
  readonly giveUpAfterMs?: number;
  /** Told of each try, and what came of it: an outcome, or that the step was put off (`failed`) or `parked`. */
  readonly onTry?: (step: Step, result: Outcome['kind'] | 'failed' | 'parked') => void;
  /** A step that has to be done, and was tried so often in vain, waits for an operator. */
  readonly parkAfterTries?: number;
}

export interface RunningSaga {
  /** Looks for steps at once: some were written down. */
  wake(): void;
  /** Lets go of the steps in hand, so that any instance goes on with them, and ends. */
  close(): Promise<void>;
}

/** What to do about a try that failed. */
type Failure = {
  readonly failure: string;
  readonly delayMs: number | undefined;
  readonly triedForMs: number;
};

/**
 * Does what the orders need of others. A step is, in one transaction:
 *  1. taken: its row is locked for as long as this process works on it, and no longer than it lives;
 *  2. done by whoever takes part, by its key once however often it is asked for;
 *  3. concluded: its events are appended, the next steps written down, its row removed. Or it is put off, also where
 *     this process is what fails: the others don't wait behind it.
 */
export function runSaga(options: SagaOptions): RunningSaga {
  const { db, perform, log, tracing, concurrency, now = Date.now, pollMs = 200, onTry = () => {} } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const outage = createOutageLog(log, {
    down: 'the steps of orders can not be worked on',
    up: 'they can again',
  });
  const slots = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();

  const wake = () => {
    if (signal.aborted || slots.size >= concurrency) return;
    const slot = work().finally(() => slots.delete(slot));
    slots.add(slot);
  };
  const wakeAfter = (delayMs: number) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      wake();
    }, delayMs);
    timers.add(timer);
  };
  const work = async () => {
    try {
      while (!signal.aborted && (await db.transaction().execute(doStep)));
      outage.up();
    } catch (error) {
      if (!signal.aborted) outage.down(messageOf(error));
    }
  };
  /** Whether there was one to do. */
  const doStep = async (trx: Transaction<OrdersTables>): Promise<boolean> => {
    const step = await takeStep(trx);
    if (step === undefined) return false;
    wake();
    const { name, direction, id, attempts: resends } = step;
    const span = tracing?.beginStep(step.traceparent, { name: `${name}:${direction}`, id, resends });
    const error = await workOn(trx, step, span?.traceparent ?? step.traceparent).catch((thrown: unknown) => {
      span?.end({ error: thrown });
      throw thrown;
    });
    span?.end({ error });
    return true;
  };
  /** @param own trace context of this try @returns what is wrong where nobody knows whether it was done */
  const workOn = async (trx: Transaction<OrdersTables>, step: StepRow, own: string): Promise<unknown> => {
    const outcome = await tryStep(trx, step, own).catch((error) => undo(trx, step, error));
    if (!('failure' in outcome)) {
      onTry(toStep(step), outcome.kind);
      return outcome.kind === 'unknown' ? outcome.kind : undefined;
    }
    await putOff(trx, step, outcome);
    onTry(toStep(step), outcome.delayMs === undefined ? 'parked' : 'failed');
    if (outcome.delayMs === undefined)
      log.error({ step: step.id, failure: outcome.failure }, 'a step is parked');
    else wakeAfter(outcome.delayMs);
    return outcome.failure;
  };
  const tryStep = async (
    trx: Transaction<OrdersTables>,
    step: StepRow,
    traceparent: string,
  ): Promise<Outcome | Failure> => {
    const stored = await loadOrder(trx, step.order_number);
    if (stored === undefined) throw new Error(`${step.id} is of an order that there is not`);
    const startedAt = performance.now();
    const outcome = await perform({ ...step, traceparent }, stored, signal).catch((error) => {
      signal.throwIfAborted();
      return judgeFailure(step, error, step.tried_for_ms + performance.now() - startedAt, options);
    });
    if (!('failure' in outcome)) await concludeStep(trx, step, outcome, traceparent);
    return outcome;
  };
  /** Leaves nothing of a try but the lock. Without a connection there is no lock: the row is free, and the next look finds it. */
  const undo = async (trx: Transaction<OrdersTables>, step: StepRow, error: unknown): Promise<Failure> => {
    signal.throwIfAborted();
    await returnToTaken(trx);
    log.error({ step: step.id, err: error }, 'a step failed inside orders');
    return laterOrParked(step, error, step.tried_for_ms, options);
  };
  const concludeStep = async (
    trx: Transaction<OrdersTables>,
    step: StepRow,
    outcome: Outcome,
    traceparent: string,
  ) => {
    const stored = await loadForChange(trx, step.order_number);
    if (stored === undefined) throw new Error(`${step.order_number} is gone`);
    const events = conclude(stored.order, toStep(step), outcome);
    const changed = await changeOrder(trx, stored, events, { traceparent, now: new Date(now()) });
    await removeStep(trx, step);
    // All steps lie below the request, and none below another.
    if (events.length > 0) await planSteps(trx, changed, step.traceparent, step.secret);
  };

  const polling = setInterval(wake, pollMs);
  wake();
  return {
    wake,
    close: async () => {
      clearInterval(polling);
      for (const timer of timers) clearTimeout(timer);
      closing.abort();
      await Promise.all(slots);
      await db.destroy();
    },
  };
}

/** What to do about a try that failed: try again, take the step back (its outcome is unknown), or leave it to an operator. */
function judgeFailure(
  step: StepRow,
  error: unknown,
  triedForMs: number,
  options: SagaOptions,
): Outcome | Failure {
  if (canBeTakenBack(step)) {
    const leftMs = (options.giveUpAfterMs ?? 2_000) - triedForMs;
    if (leftMs <= 0) return { kind: 'unknown' };
    return { failure: messageOf(error), delayMs: Math.min(pauseMs(step, options), leftMs), triedForMs };
  }
  // A service that says it can't be will say so again.
  const isHopeless = error instanceof ServiceError && error.status === 422;
  const later = laterOrParked(step, error, triedForMs, options);
  return isHopeless ? { ...later, delayMs: undefined } : later;
}

function laterOrParked(step: StepRow, error: unknown, triedForMs: number, options: SagaOptions): Failure {
  const isParked = step.attempts + 1 >= (options.parkAfterTries ?? 100);
  return {
    failure: messageOf(error),
    delayMs: isParked ? undefined : pauseMs(step, options),
    triedForMs,
  };
}

function pauseMs({ attempts }: StepRow, { firstPauseMs = 100, longestPauseMs = 2_000 }: SagaOptions): number {
  return Math.min(firstPauseMs * 2 ** Math.min(attempts, 20), longestPauseMs);
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 200);
}

function canBeTakenBack({ name, direction }: StepRow): boolean {
  return direction === 'do' && (name === 'reserve' || name === 'authorise' || name === 'schedule');
}

function toStep({ saga, name, direction }: StepRow): Step {
  return { saga, name, direction } as Step;
}
