import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { type Lake, LakeDamaged } from './lake.ts';
import { readSegment, readSegmentFile } from './read-segment.ts';
import type { Segment } from './segment.ts';
import { holeBefore } from './verify-lake.ts';

/** Which records; all where nothing is said. A begin belongs to it, an end doesn't. */
export interface Selection {
  /** Of one part alone. Numbers mean something in one part only. */
  readonly epoch?: string | undefined;
  readonly numbers?: { readonly from: number; readonly to: number };
  /** Epoch milliseconds of the commits. */
  readonly times?: { readonly from: number; readonly to: number };
  readonly source?: string | undefined;
}

/**
 * The segments that a selection lies in, each found to be what was written, and the manifest without a hole: what is read
 * from them is all that there is.
 * @throws LakeDamaged that names the first that is not.
 */
export async function selectSegments({ manifest, folder }: Lake, selection: Selection): Promise<Segment[]> {
  const next = new Map(manifest.parts().map(({ epoch, after }) => [epoch, after + 1]));
  const selected: Segment[] = [];
  for (const segment of manifest.segments()) {
    const hole = holeBefore(segment, next.get(segment.epoch));
    if (hole !== undefined) throw new LakeDamaged(hole);
    next.set(segment.epoch, segment.last + 1);
    if (!reachesInto(segment, selection)) continue;
    await readSegmentFile(folder, segment);
    selected.push(segment);
  }
  return selected;
}

/** The selected records of a segment, in their order. @throws LakeDamaged as `readSegment`. */
export async function* replaySegment(
  { folder }: Lake,
  segment: Segment,
  { numbers, times, source }: Selection,
): AsyncGenerator<readonly HubRecord[]> {
  for await (const records of readSegment(folder, segment)) {
    yield records.filter(
      (record) =>
        (numbers === undefined || (record.number >= numbers.from && record.number < numbers.to)) &&
        (times === undefined || (record.committedAt >= times.from && record.committedAt < times.to)) &&
        (source === undefined || record.source === source),
    );
  }
}

function reachesInto(segment: Segment, { epoch, numbers, times }: Selection): boolean {
  return (
    (epoch === undefined || segment.epoch === epoch) &&
    (numbers === undefined || (segment.last >= numbers.from && segment.first < numbers.to)) &&
    (times === undefined || (segment.latest >= times.from && segment.earliest < times.to))
  );
}
