import { readdir } from 'node:fs/promises';
import type { Lake } from './lake.ts';
import { readSegment } from './read-segment.ts';
import { type Segment, segmentName, unfinishedName } from './segment.ts';

/** What a lake holds, by its manifest. */
export interface LakeContents {
  readonly parts: number;
  readonly segments: number;
  readonly records: number;
  readonly events: number;
}

/**
 * Reads all that is in the lake, and tells `onDamage` of everything that is not what was written, by the name of its
 * file. It may run beside the writer.
 *  1. The manifest is a sound database.
 *  2. Of each part the segments follow each other without a hole.
 *  3. Each file is there, is what was written, and holds the records that the manifest says.
 *  4. No other file is there, but for what a writer is about to name, or was when it was killed.
 */
export async function verifyLake(
  { manifest, folder }: Lake,
  onDamage: (damage: string) => void,
): Promise<LakeContents> {
  const problem = manifest.problem();
  if (problem !== undefined) onDamage(`manifest.sqlite: ${problem}`);
  const parts = manifest.parts();
  const next = new Map(parts.map(({ epoch, after }) => [epoch, after + 1]));
  const unknown = new Set(await readdir(folder));
  const contents = { parts: parts.length, segments: 0, records: 0, events: 0 };
  for (const segment of manifest.segments()) {
    const { epoch, first, last, events } = segment;
    const hole = holeBefore(segment, next.get(epoch));
    if (hole !== undefined) onDamage(hole);
    next.set(epoch, last + 1);
    unknown.delete(segmentName(segment));
    const damage = await damageOf(folder, segment);
    if (damage !== undefined) onDamage(damage);
    contents.segments += 1;
    contents.records += last - first + 1;
    contents.events += events;
  }
  unknown.delete(unfinishedName);
  for (const [epoch, first] of next) unknown.delete(segmentName({ epoch, first }));
  for (const name of unknown) onDamage(`${name} is not in the manifest`);
  return contents;
}

/** @returns what is missing before a segment, in words, when it doesn't begin at `next` */
export function holeBefore(segment: Segment, next = segment.first): string | undefined {
  if (segment.first === next) return undefined;
  return `${segmentName(segment)} begins at ${segment.first}: ${next} was to come, and is in no segment`;
}

async function damageOf(folder: string, segment: Segment): Promise<string | undefined> {
  const found = { last: segment.first - 1, events: 0, earliest: Number.MAX_SAFE_INTEGER, latest: 0 };
  try {
    for await (const records of readSegment(folder, segment)) {
      for (const { number, events, committedAt } of records) {
        if (number !== found.last + 1) return `${segmentName(segment)} has ${number} after ${found.last}`;
        found.last = number;
        found.events += events.length;
        found.earliest = Math.min(found.earliest, committedAt);
        found.latest = Math.max(found.latest, committedAt);
      }
    }
  } catch (error) {
    return (error as Error).message;
  }
  const names = ['last', 'events', 'earliest', 'latest'] as const;
  const other = names.find((name) => found[name] !== segment[name]);
  return (
    other && `${segmentName(segment)}: ${other} is ${found[other]}, and ${segment[other]} in the manifest`
  );
}
