import Type, { type Static, type TObject, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  type EventSource,
  everythingChanged,
  type PersonalFields,
  type Persons,
  type PublicEvent,
  type Row,
  sourceTag,
} from './change-event.ts';

/** What a table publishes: the public thing that a row stands for, and what a change of it makes old. */
export interface PublishedTable<Thing extends TObject> {
  readonly table: string;
  /** The type of its events, in the past tense. */
  readonly type: string;
  /** The public thing. Later versions may add members, so that readers take those that they don't know. */
  readonly thing: Thing;
  /** Its members that are personal, all of them text; the others are for everyone. */
  readonly personal?: PersonalFields<Extract<keyof Static<Thing>, string>>;
  /** Says of the table of those whose fields are personal who of them was forgotten. */
  readonly persons?: Persons<Static<Thing>>;
  /** Names each column that becomes public. @throws TypeError when one is missing or of another type */
  readonly toThing: (row: Row) => Static<Thing>;
  readonly keyOf: (thing: Static<Thing>) => string;
  /** W3C Trace Context of the work that made a new one, where each says it itself. */
  readonly traceparentOf?: (thing: Static<Thing>) => string;
  /** The tags of all answers that this change makes old. `before` and `after` have the same key, and are not both null. */
  readonly tags: (
    key: string,
    before: Static<Thing> | null,
    after: Static<Thing> | null,
  ) => readonly string[];
}

/** A published table without the type of its thing. */
export interface EventDeclaration {
  readonly table: string;
  readonly type: string;
  readonly thing: TSchema;
  readonly personal: PersonalFields | undefined;
  readonly persons: Persons | undefined;
  readonly toEvents: (before: Row | null, after: Row | null) => readonly PublicEvent[];
  readonly tagsOf: (event: PublicEvent) => readonly string[];
  /** Why something is no event of this type; undefined when it is one. */
  readonly problemOf: (event: unknown) => string | undefined;
}

/** A source with the declarations that it is made of. */
export interface DeclaredSource extends EventSource {
  readonly declarations: readonly EventDeclaration[];
  /** Why something is no event of this source; undefined when it is one. */
  readonly problemOf: (event: unknown) => string | undefined;
}

/** The schema of a `PublicEvent` about this thing. */
function eventSchema(type: string, thing: TSchema) {
  const orNothing = Type.Union([thing, Type.Null()]);
  const data = Type.Object({ before: orNothing, after: orNothing });
  return Type.Object({ type: Type.Literal(type), key: Type.String(), data });
}

/**
 * The events of one table: one for a change, two when the key changes (one thing is gone, another is there), none when
 * nothing public changed.
 */
export function publish<Thing extends TObject>(published: PublishedTable<Thing>): EventDeclaration {
  type Value = Static<Thing>;
  const { table, type, thing, personal, persons, toThing, keyOf, traceparentOf, tags } = published;
  const validator = Compile(eventSchema(type, thing));

  const eventOf = (before: Value | null, after: Value | null): PublicEvent => {
    const event = { type, key: keyOf((after ?? before) as Value), data: { before, after } };
    const isNew = before === null && after !== null;
    return traceparentOf && isNew ? { ...event, traceparent: traceparentOf(after) } : event;
  };
  const toEvents = (rowBefore: Row | null, rowAfter: Row | null) => {
    const before = rowBefore === null ? null : toThing(rowBefore);
    const after = rowAfter === null ? null : toThing(rowAfter);
    if (before === null || after === null) return [eventOf(before, after)];
    if (keyOf(before) !== keyOf(after)) return [eventOf(before, null), eventOf(null, after)];
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [eventOf(before, after)];
  };

  const problemOf = (event: unknown): string | undefined => {
    const [error] = validator.Errors(event);
    if (error !== undefined) return `${error.instancePath || 'the event'} ${error.message}`;
    const { key, data } = event as PublicEvent;
    const things = [data.before, data.after].filter((one) => one !== null) as Value[];
    if (things.length === 0) return 'it says nothing of before nor after';
    return things.every((one) => keyOf(one) === key)
      ? undefined
      : 'its key is not the id of what it speaks of';
  };

  const tagsOf = (event: PublicEvent) => {
    const problem = problemOf(event);
    if (problem !== undefined) throw new TypeError(`not a ${type}: ${problem}`);
    return tags(event.key, event.data.before as Value | null, event.data.after as Value | null);
  };
  return {
    table,
    type,
    thing,
    personal,
    persons: persons as Persons | undefined,
    toEvents,
    tagsOf,
    problemOf,
  };
}

/** What one service publishes. */
export function declareSource(source: string, declarations: readonly EventDeclaration[]): DeclaredSource {
  const byTable = new Map(declarations.map((declaration) => [declaration.table, declaration]));
  const byType = new Map(declarations.map((declaration) => [declaration.type, declaration]));
  const hasPersonal = declarations.some(({ personal }) => personal !== undefined);
  const [persons] = declarations.flatMap(({ table, type, persons: own }) =>
    own === undefined ? [] : [{ table, type, ...own }],
  );

  return {
    source,
    declarations,
    tables: [...byTable.keys()],
    personalOf: hasPersonal ? (type) => byType.get(type)?.personal : undefined,
    persons,

    toEvents: ({ table, before, after }) => {
      const declaration = byTable.get(table);
      if (declaration === undefined) throw new TypeError(`${source} does not publish the table ${table}`);
      if (before === null && after === null) throw new TypeError(`a change of ${table} without a row`);
      return declaration.toEvents(before, after);
    },

    tagsOf: (event) => {
      if (event.type === everythingChanged) return [sourceTag(source)];
      const declaration = byType.get(event.type);
      if (declaration === undefined) throw new TypeError(`${source} has no events of type ${event.type}`);
      return declaration.tagsOf(event);
    },

    problemOf: (event) => {
      const type = (event as { type?: unknown } | null | undefined)?.type;
      if (type === everythingChanged) return;
      const declaration = typeof type === 'string' ? byType.get(type) : undefined;
      return declaration === undefined
        ? `${source} has no events of this type`
        : declaration.problemOf(event);
    },
  };
}
