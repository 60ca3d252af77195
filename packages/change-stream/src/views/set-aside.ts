import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { Failure } from '../faults/failure.ts';
import type { Position } from '../hub/event-hub.ts';

/** An event that is not in the states of some keys, kept until it is resubmitted or discarded. */
export interface AsideEvent {
  readonly source: string;
  readonly event: ChangeEvent;
  /** The place of its record in the hub's log. */
  readonly at: Position;
  /** The keys whose states lack it; left out where they are not known. */
  readonly keys?: readonly string[];
  /** Of the one that was not understood; those that wait behind it have none. */
  readonly failure?: Failure;
}

/** What a view has to know of a fault to go on beside it. Its events have the names `<id>:0` and, behind it, `<id>:1` and so on. */
export interface OpenFault {
  /** The keys whose states lack its events; left out where that may be any. */
  readonly keys?: readonly string[];
  /** Whose later events wait, where the keys are not known. */
  readonly unit?: string;
  /** How many events wait behind it, and how large they are as JSON. */
  readonly waiting: number;
  readonly bytes: number;
  readonly tries: number;
}

export const asideName = (id: string, nth: number): string => `${id}:${nth}`;

/** The names of all events of a fault, in their order. */
export function asideNames(id: string, { waiting }: OpenFault): string[] {
  return Array.from({ length: waiting + 1 }, (_, nth) => asideName(id, nth));
}

/** Whether what is stored of a key may lack an event that was set aside. */
export function isDoubted(faults: Readonly<Record<string, OpenFault>>, keys: readonly string[]): boolean {
  return Object.values(faults).some((fault) => fault.keys?.some((key) => keys.includes(key)) ?? true);
}
