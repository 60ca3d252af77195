import type { Database } from '@portico/runtime/database.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { Transaction } from 'kysely';
import type { OrdersTables } from '../database.ts';
import { changeOrder, loadForChange, loadOrder } from '../store/order-store.ts';
import type { Perform } from './call-participants.ts';
import { conclude, type Outcome, type Step } from './place-order.ts';
import { planSteps, putOff, removeStep, type StepRow, takeStep } from './saga-steps.ts';

export interface SagaOptions {
  /** With as many connections as `concurrency`: each step holds one. */
  readonly db: Database<OrdersTables>;
  readonly perform: Perform;
  readonly log: Logger;
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
 *  3. concluded: its events are appended, the next steps written down, its row removed. Or it is put off.
 */
export function runSaga(options: SagaOptions): RunningSaga {
  const { db, perform, log, concurrency, now = Date.now, pollMs = 200 } = options;
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
      // Its row is free again; the next look finds it.
      if (!signal.aborted) outage.down(error instanceof Error ? error.message : String(error));
    }
  };
  const doStep = async (trx: Transaction<OrdersTables>): Promise<boolean> => {
    const step = await takeStep(trx);
    if (step === undefined) return false;
    wake();
    const outcome = await tryStep(trx, step);
    if ('failure' in outcome) {
      await putOff(trx, step, outcome);
      if (outcome.delayMs === undefined)
        log.error({ step: step.id, failure: outcome.failure }, 'a step is parked');
      else wakeAfter(outcome.delayMs);
    } else await concludeStep(trx, step, outcome);
    return true;
  };
  const tryStep = async (trx: Transaction<OrdersTables>, step: StepRow): Promise<Outcome | Failure> => {
    const stored = await loadOrder(trx, step.order_number);
    if (stored === undefined) throw new Error(`${step.id} is of an order that there is not`);
    const startedAt = performance.now();
    try {
      return await perform(step, stored, signal);
    } catch (error) {
      signal.throwIfAborted();
      return judgeFailure(step, error, performance.now() - startedAt, options);
    }
  };
  const concludeStep = async (trx: Transaction<OrdersTables>, step: StepRow, outcome: Outcome) => {
    const stored = await loadForChange(trx, step.order_number);
    if (stored === undefined) throw new Error(`${step.order_number} is gone`);
    const { traceparent, secret } = step;
    const events = conclude(stored.order, toStep(step), outcome);
    const changed = await changeOrder(trx, stored, events, { traceparent, now: new Date(now()) });
    await removeStep(trx, step);
    if (events.length > 0) await planSteps(trx, changed, traceparent, secret);
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
  tookMs: number,
  options: SagaOptions,
): Outcome | Failure {
  const { firstPauseMs = 100, longestPauseMs = 2_000, giveUpAfterMs = 2_000, parkAfterTries = 100 } = options;
  const failure = (error instanceof Error ? error.message : String(error)).slice(0, 200);
  const triedForMs = step.tried_for_ms + tookMs;
  const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(step.attempts, 20), longestPauseMs);
  if (canBeTakenBack(step)) {
    const leftMs = giveUpAfterMs - triedForMs;
    return leftMs <= 0 ? { kind: 'unknown' } : { failure, delayMs: Math.min(pauseMs, leftMs), triedForMs };
  }
  // A service that says it can't be will say so again.
  const isHopeless = error instanceof ServiceError && error.status === 422;
  const isParked = isHopeless || step.attempts + 1 >= parkAfterTries;
  return { failure, delayMs: isParked ? undefined : pauseMs, triedForMs };
}

function canBeTakenBack({ name, direction }: StepRow): boolean {
  return direction === 'do' && (name === 'reserve' || name === 'authorise' || name === 'schedule');
}

function toStep({ saga, name, direction }: StepRow): Step {
  return { saga, name, direction } as Step;
}
