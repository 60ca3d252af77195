import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import type { LogHistory, RecordHistory } from '@portico/change-stream/views/record-history.ts';
import { isLake, type Lake, LakeDamaged, openLake } from './lake.ts';
import type { Part } from './manifest.ts';
import { readSegment } from './read-segment.ts';
import type { Segment } from './segment.ts';
import { holeBefore } from './verify-lake.ts';

/** Segments of one part that follow each other, of which records count that are at or below `upTo`. */
interface Stretch {
  readonly after: number;
  readonly upTo: number;
  readonly segments: readonly Segment[];
}

/** The records of the lake in `dir`, as the history of a log: those that the hub has lost are in none that goes on. */
export function createLakeHistory(dir: string): RecordHistory {
  return {
    open: async (epoch) => {
      if (!isLake(dir)) return undefined;
      const lake = openLake(dir);
      try {
        return await openLog(lake, epoch);
      } finally {
        lake.manifest.close();
      }
    },
  };
}

/** @returns the epochs of the lake in `dir`, in the order in which they began */
export function epochsOfLake(dir: string): string[] {
  const { manifest } = openLake(dir);
  try {
    return manifest.parts().map(({ epoch }) => epoch);
  } finally {
    manifest.close();
  }
}

/** The part of the epoch, and before it of each part before as far as the next one goes on behind it. */
async function openLog({ manifest, folder }: Lake, epoch: string): Promise<LogHistory | undefined> {
  const parts = manifest.parts();
  const segments = segmentsByPart(manifest.segments(), parts);
  let at = parts.findIndex((part) => part.epoch === epoch);
  if (at === -1) return undefined;
  const stretches: Stretch[] = [];
  let upTo = Number.MAX_SAFE_INTEGER;
  for (let part = parts[at]; part !== undefined; part = parts[at]) {
    const own = segments.get(part.epoch) ?? [];
    stretches.unshift({ after: part.after, upTo, segments: own.filter(({ first }) => first <= upTo) });
    upTo = part.after;
    at = await partWith(folder, parts.slice(0, at), segments, part);
  }
  const first = (stretches[0]?.after ?? 0) + 1;
  const last = stretches.at(-1)?.segments.at(-1)?.last ?? stretches.at(-1)?.after ?? 0;
  return { first, last, pages: () => pagesOf(folder, stretches) };
}

/** @throws LakeDamaged that names what follows a hole */
function segmentsByPart(all: Iterable<Segment>, parts: readonly Part[]): ReadonlyMap<string, Segment[]> {
  const byPart = new Map<string, Segment[]>(parts.map(({ epoch }) => [epoch, []]));
  const next = new Map(parts.map(({ epoch, after }) => [epoch, after + 1]));
  for (const segment of all) {
    const hole = holeBefore(segment, next.get(segment.epoch));
    if (hole !== undefined) throw new LakeDamaged(hole);
    next.set(segment.epoch, segment.last + 1);
    byPart.get(segment.epoch)?.push(segment);
  }
  return byPart;
}

/** @returns which of the parts has the record that `follower` begins behind; -1 when none has */
async function partWith(
  folder: string,
  parts: readonly Part[],
  segments: ReadonlyMap<string, readonly Segment[]>,
  { after, mark }: Part,
): Promise<number> {
  if (mark === undefined) return -1;
  for (const [index, { epoch }] of [...parts.entries()].toReversed()) {
    const segment = segments.get(epoch)?.find(({ first, last }) => first <= after && after <= last);
    if (segment !== undefined && (await markAt(folder, segment, after)) === mark) return index;
  }
  return -1;
}

async function markAt(folder: string, segment: Segment, number: number): Promise<string | undefined> {
  if (number === segment.first) return segment.firstMark;
  if (number === segment.last) return segment.lastMark;
  for await (const records of readSegment(folder, segment)) {
    const found = records.find((record) => record.number === number);
    if (found !== undefined) return found.mark;
  }
  return undefined;
}

async function* pagesOf(folder: string, stretches: readonly Stretch[]): AsyncGenerator<readonly HubRecord[]> {
  for (const { segments, upTo } of stretches) {
    for (const segment of segments) {
      for await (const records of readSegment(folder, segment)) {
        const own = segment.last <= upTo ? records : records.filter(({ number }) => number <= upTo);
        if (own.length > 0) yield own;
      }
    }
  }
}
