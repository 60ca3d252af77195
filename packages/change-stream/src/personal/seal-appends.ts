import { type ChangeEvent, everythingChanged } from '@portico/contracts/events/change-event.ts';
import type { NewRecord, SourceWriter } from '../hub/event-hub.ts';
import { type PersonalSource, personalFields, replacePersonal } from './personal-fields.ts';
import type { PersonalKeys } from './personal-keys.ts';
import { sealField, withheld } from './sealed-field.ts';

export interface SealOptions {
  readonly source: PersonalSource;
  /** Without them, what is personal stays where it is: nothing of it is in the records. */
  readonly keys: PersonalKeys | undefined;
  /** All customers that the source says are forgotten, a page at a time; where that can't be asked, records alone tell. */
  readonly forgotten?: (() => AsyncIterable<readonly string[]>) | undefined;
}

/**
 * A writer that gives the hub no personal text.
 *  1. Before anything, the keys of all that the source says are forgotten are destroyed: the table of keys may be an older copy.
 *  2. Who is gone by a record loses their key before it is appended. So do all that are forgotten, where a record says that anything may
 *     have changed, as it doesn't say who is gone.
 *  3. What is personal is sealed, under keys that are on disk, or withheld where its customer was forgotten.
 * Where any of it fails, nothing is appended.
 */
export async function sealAppends(writer: SourceWriter, options: SealOptions): Promise<SourceWriter> {
  const { source, keys, forgotten } = options;
  if (source.personalOf === undefined) return writer;
  await keys?.ready();
  const forgetAll = async () => {
    if (keys === undefined || forgotten === undefined) return;
    for await (const customers of forgotten()) await keys.forget(customers);
  };
  await forgetAll();
  return {
    stored: writer.stored,
    append: async (records, progress) => {
      const events = records.flatMap((record) => record.events);
      await keys?.forget(events.flatMap((event) => goneBy(source, event)));
      if (events.some(({ type }) => type === everythingChanged)) await forgetAll();
      await writer.append(await sealRecords(records, options), progress);
    },
    release: () => writer.release(),
  };
}

function goneBy({ persons }: PersonalSource, { type, key, data }: ChangeEvent): string[] {
  if (type !== persons?.type) return [];
  return data.after === null || persons.isForgotten(data.after) ? [key] : [];
}

async function sealRecords(
  records: readonly NewRecord[],
  { source, keys }: SealOptions,
): Promise<readonly NewRecord[]> {
  const customers = records.flatMap(({ events }) =>
    events.flatMap((event) => personalFields(source, event).map(({ place }) => place.customer)),
  );
  if (customers.length === 0) return records;
  const found = await keys?.keysOf(customers);
  const seal = (event: ChangeEvent) =>
    replacePersonal(source, event, ({ place, value }) => {
      const key = found?.get(place.customer);
      if (key === undefined) return withheld;
      if (typeof value !== 'string') throw new TypeError(`${place.member} of ${event.type} is no text`);
      return sealField(value, key, place);
    });
  return records.map((record) => ({ ...record, events: record.events.map(seal) }));
}
