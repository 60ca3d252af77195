import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { Position } from '../hub/event-hub.ts';

/** An event that a consumer of the hub does not understand, set aside so that others go on. */
export interface Fault {
  /** The same in every process that meets the event. */
  readonly id: string;
  readonly consumer: string;
  /** The code that failed last. */
  readonly codeVersion: string;
  readonly source: string;
  /** The place of its record in the hub's log. */
  readonly position: Position;
  readonly event: ChangeEvent;
  /** What lacks the event; left out where that may be anything of the consumer's. */
  readonly keys?: readonly string[];
  readonly error: { readonly name: string; readonly message: string; readonly stack: string };
  /** ISO 8601. */
  readonly firstAt: string;
  readonly lastAt: string;
  readonly tries: number;
  /** How many later events wait behind it. */
  readonly waiting: number;
}

/** A fault without what may be large. */
export interface FaultSummary extends Omit<Fault, 'event' | 'error'> {
  readonly event: Pick<ChangeEvent, 'id' | 'type' | 'key'>;
  readonly error: Pick<Fault['error'], 'name' | 'message'>;
}

/** What came of resubmitting or discarding. */
export interface Resolution {
  /** How many events have their effect now: the one that was set aside, where it was resubmitted, and those behind it. */
  readonly applied: number;
  /** The faults that the others are in now: the same one, if its event failed again. */
  readonly left: readonly string[];
}

/** The faults of one consumer, for its operators. Each call throws when they can't be read or changed now. */
export interface FaultDesk {
  readonly consumer: string;
  list(): Promise<readonly FaultSummary[]>;
  show(id: string): Promise<Fault | undefined>;
  /**
   * Takes the event and those behind it, in their order, in one go with the end of the fault. However often and by however many
   * it is asked for at once, each event has its effect once. Undefined where no such fault is open (any more).
   */
  resubmit(id: string): Promise<Resolution | undefined>;
  /** As `resubmit`, and leaves the event itself out for good. */
  discard(id: string): Promise<Resolution | undefined>;
}

export function summarize({ event, error, ...fault }: Fault): FaultSummary {
  const { id, type, key } = event;
  return { ...fault, event: { id, type, key }, error: { name: error.name, message: error.message } };
}
