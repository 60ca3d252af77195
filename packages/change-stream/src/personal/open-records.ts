import type { HubRecord } from '../hub/event-hub.ts';
import { type PersonalSource, personalFields, replacePersonal } from './personal-fields.ts';
import type { PersonalKeys } from './personal-keys.ts';
import { keyIdOf, openField } from './sealed-field.ts';

/**
 * Records with the text of what is personal in them, for whoever has the keys. Null stands there where it can't be had: the
 * customer was forgotten, or it is not what capture wrote.
 * @param sources those whose events are known; events of others stay as they are
 */
export async function openRecords(
  records: readonly HubRecord[],
  sources: readonly PersonalSource[],
  keys: Pick<PersonalKeys, 'find'>,
): Promise<readonly HubRecord[]> {
  const known = new Map(sources.map((source) => [source.source, source]));
  const sourceOf = ({ source }: HubRecord) => known.get(source) ?? { source };
  const fields = records.flatMap((record) =>
    record.events.flatMap((event) => personalFields(sourceOf(record), event)),
  );
  const keyIds = fields.flatMap(({ value }) => keyIdOf(value) ?? []);
  const found = await keys.find(keyIds);
  return records.map((record) => ({
    ...record,
    events: record.events.map((event) =>
      replacePersonal(sourceOf(record), event, ({ place, value }) => {
        const key = found.get(keyIdOf(value) ?? '');
        return key === undefined ? null : openField(String(value), key, place);
      }),
    ),
  }));
}
