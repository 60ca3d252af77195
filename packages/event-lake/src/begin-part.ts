import type { DurableEventHub, Position } from '@portico/change-stream/hub/event-hub.ts';
import type { Logger } from '@portico/runtime/log.ts';
import type { Lake } from './lake.ts';
import { readSegment } from './read-segment.ts';

export interface BeginPartOptions {
  readonly hub: DurableEventHub;
  readonly lake: Lake;
  readonly log: Logger;
  readonly consumer: string;
}

/** The records that the hub has: a hub can't be asked for those outside. */
interface HubRange {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

/**
 * Begins the part of the hub's epoch: behind the last record that the lake has already, where the hub was put back to an
 * older copy of itself; or with the first record that the hub has.
 */
export async function beginPart({ hub, lake, log, consumer }: BeginPartOptions): Promise<Position> {
  // What was said before a lake that is lost speaks of another one.
  await hub.forget(consumer);
  const range = await hub.range();
  const start = { epoch: range.epoch, number: range.first - 1, mark: undefined };
  await hub.keepFor(consumer, start);
  const place = (await lastInCommon(hub, lake, range)) ?? start;
  lake.manifest.beginPart(place);
  log.info({ epoch: place.epoch, after: place.number }, 'a new part of the lake begins');
  if (place === start && start.number > 0) {
    log.warn({ first: range.first }, 'the hub had let go of records before the lake knew of it');
  }
  return place;
}

/** Records with one number and mark are one, and so are all below them. */
async function lastInCommon(
  hub: DurableEventHub,
  { manifest, folder }: Lake,
  { epoch, first, last }: HubRange,
): Promise<Position | undefined> {
  const isInHub = async (number: number, mark: string | undefined) => {
    if (mark === undefined || number < first || number > last) return false;
    const [record] = await hub.read({ epoch, number: number - 1 }, 1);
    return record?.mark === mark;
  };
  for (const segment of manifest.segments('newest first')) {
    if (await isInHub(segment.last, segment.lastMark)) {
      return { epoch, number: segment.last, mark: segment.lastMark };
    }
    if (!(await isInHub(segment.first, segment.firstMark))) continue;
    let end = { epoch, number: segment.first, mark: segment.firstMark };
    for await (const records of readSegment(folder, segment)) {
      const after = (records[0]?.number ?? 0) - 1;
      const inHub = after < last ? await hub.read({ epoch, number: after }, records.length) : [];
      const differs = records.findIndex(({ mark }, index) => inHub[index]?.mark !== mark);
      const same = differs === -1 ? records.at(-1) : records[differs - 1];
      if (same !== undefined) end = { epoch, number: same.number, mark: same.mark };
      if (differs !== -1) return end;
    }
    return end;
  }
  return undefined;
}
