import {
  type ChangeEvent,
  type EventSource,
  everythingChanged,
  sourceTag,
} from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { HubRecord } from '../hub/event-hub.ts';

/**
 * The tags that a record changes. What can't be understood, be it an event or a whole source, is a change of everything
 * of that source: a cache may forget too much, never too little.
 */
export function createChangeTags(sources: readonly EventSource[], log: Logger) {
  const byName = new Map(sources.map((source) => [source.source, source]));

  const tagsOf = (source: string, event: ChangeEvent): readonly string[] => {
    if (event.type === everythingChanged) return [sourceTag(source)];
    try {
      const known = byName.get(source);
      if (known !== undefined) return known.tagsOf(event);
    } catch (error) {
      log.error(
        { source, event: event.id, error },
        'an event is not understood: all of its source counts as changed',
      );
    }
    return [sourceTag(source)];
  };

  return ({ source, events }: HubRecord): ReadonlySet<string> =>
    new Set(events.flatMap((event) => tagsOf(source, event)));
}
