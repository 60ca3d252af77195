/**
 * One column's value as JSON has it: `int2`, `int4`, floats, and `int8` below 2^53, as numbers; booleans; `timestamptz` as ISO 8601
 * text; everything else as PostgreSQL writes it, as text.
 */
export type ColumnValue = string | number | boolean | null;

export type Row = Readonly<Record<string, ColumnValue>>;

/** What a transaction did to one row of a published table. `before` is null for a new row, `after` for a deleted one. */
export interface RowChange {
  readonly table: string;
  readonly before: Row | null;
  readonly after: Row | null;
}

/** What a service says in public of one change: never a private column. */
export interface PublicEvent {
  /** In the past tense, such as `product-changed`. */
  readonly type: string;
  /** The id of the thing that changed: `subject` of CloudEvents. */
  readonly key: string;
  /** The thing before and after; null where it did not exist. Both are null in `everything-changed`. */
  readonly data: { readonly before: unknown; readonly after: unknown };
  /**
   * W3C Trace Context of the work that it is a part of, where that is known: `traceparent` of CloudEvents' extension for distributed
   * tracing. Each that takes it further with a span of its own hands on that span.
   */
  readonly traceparent?: string;
}

/** A public event with its place in the world, as the hub keeps it. With its record's source and time, a CloudEvent 1.0. */
export interface ChangeEvent extends PublicEvent {
  /** The same whenever the change is captured, and no other event's: system identifier, timeline, slot, LSN, index. */
  readonly id: string;
}

/**
 * Anything of this source may have changed: for a TRUNCATE, a transaction of more rows than are worth telling one by one, a
 * change that couldn't be understood, and the begin and end of a snapshot.
 */
export const everythingChanged = 'everything-changed';

/**
 * Why anything may have changed; it stands in the event's `key`. Between `snapshot-begun` and `snapshot-ended` the records of
 * a source hold all that there is, as events of new rows: whoever keeps things of that source can drop those that did not
 * come. A snapshot that was broken off begins again with another `snapshot-begun`. Every other change comes after it.
 */
export type ChangeCause =
  | 'snapshot-begun'
  | 'snapshot-ended'
  | 'truncated'
  | 'too-large'
  | 'not-understood'
  // What a service posted did not come, or its numbers began anew.
  | 'lost';

export function everythingChangedEvent(cause: ChangeCause): PublicEvent {
  return { type: everythingChanged, key: cause, data: { before: null, after: null } };
}

/**
 * Which members of a public thing are personal, and whose: in the hub, and all that comes from it, they are encrypted under a key of
 * that customer alone, which is destroyed when the customer is forgotten.
 */
export interface PersonalFields<Member extends string = string> {
  /** The member with the id of the customer. */
  readonly of: Member;
  readonly members: readonly Member[];
}

/** How those whose fields are personal, and who have a row each, are forgotten: that is what a mark in the row says, or its end. */
export interface Persons<Thing = unknown> {
  /** The columns with the id, and with the time at which somebody was forgotten, null for all others. */
  readonly columns: { readonly id: string; readonly forgottenAt: string };
  readonly isForgotten: (thing: Thing) => boolean;
}

/** Their table, and the type of its events, whose key is the id. */
export interface PersonsTable extends Persons {
  readonly table: string;
  readonly type: string;
}

/** What one service publishes: a pure description, used by capture and by caches. */
export interface EventSource {
  /** The service's name. */
  readonly source: string;
  /** The published tables. */
  readonly tables: readonly string[];
  /** The events that the change of one row stands for; a key change gives events for both keys. @throws when it can't say */
  readonly toEvents: (change: RowChange) => readonly PublicEvent[];
  /** What is personal in the things of events of a type; undefined of a source that tells nothing personal. */
  readonly personalOf?: ((type: string) => PersonalFields | undefined) | undefined;
  readonly persons?: PersonsTable | undefined;
  /** The tags of all answers that an event makes old, besides `source:<name>` which every answer has. @throws when it can't say */
  readonly tagsOf: (event: PublicEvent) => readonly string[];
}

/** The tag of everything that was read from a service. */
export const sourceTag = (source: string): string => `source:${source}`;
