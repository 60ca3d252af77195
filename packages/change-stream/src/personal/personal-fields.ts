import type { ChangeEvent, EventSource } from '@portico/contracts/events/change-event.ts';
import type { FieldPlace } from './sealed-field.ts';

/** What says of a source's events what is personal in them. */
export type PersonalSource = Pick<EventSource, 'source' | 'personalOf' | 'persons'>;

interface PersonalField {
  readonly place: FieldPlace;
  readonly value: unknown;
}

const sides = ['before', 'after'] as const;

/** What is personal in an event, and where it stands. @throws TypeError when nothing says whose it is */
export function personalFields({ source, personalOf }: PersonalSource, event: ChangeEvent): PersonalField[] {
  const fields = personalOf?.(event.type);
  if (fields === undefined) return [];
  return sides.flatMap((side) => {
    const thing = event.data[side] as Readonly<Record<string, unknown>> | null;
    if (thing === null) return [];
    const customer = thing[fields.of];
    if (typeof customer !== 'string') throw new TypeError(`nothing says whose the ${event.type} is`);
    return fields.members.map((member) => {
      return { place: { source, event: event.id, side, member, customer }, value: thing[member] };
    });
  });
}

/** The event with something else in the place of all that is personal. */
export function replacePersonal(
  source: PersonalSource,
  event: ChangeEvent,
  replace: (field: PersonalField) => string | null,
): ChangeEvent {
  const fields = personalFields(source, event);
  if (fields.length === 0) return event;
  const [before, after] = sides.map((side) => {
    const own = fields.filter(({ place }) => place.side === side);
    if (own.length === 0) return event.data[side];
    const replaced = own.map((field) => [field.place.member, replace(field)]);
    return { ...(event.data[side] as object), ...Object.fromEntries(replaced) };
  });
  return { ...event, data: { before, after } };
}
