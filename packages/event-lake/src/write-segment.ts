import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { syncFolder } from './lake.ts';
import { type Segment, segmentName, unfinishedName } from './segment.ts';

/** A segment that is being written. It counts for nothing until the manifest names it. */
export interface OpenSegment {
  /** What it holds, before compression. */
  readonly bytes: number;
  /** One call at a time, with records that follow those before. */
  add(records: readonly HubRecord[]): Promise<void>;
  /**
   * 1. Everything is written. 2. The file is on the disk. 3. It gets its name. 4. Its name is on the disk.
   * What is left is that the manifest names it.
   */
  seal(): Promise<Segment>;
  /** Lets go of it; the file is written over by the next one. */
  abandon(): Promise<void>;
}

/**
 * Begins a segment in `folder`: one line of JSON a record, compressed as it comes, so that what is held in memory does not
 * grow with it.
 */
export async function openSegment(folder: string, epoch: string, first: number): Promise<OpenSegment> {
  const unfinished = join(folder, unfinishedName);
  const file = await open(unfinished, 'w');
  const hash = createHash('sha256');
  const zstd = createZstdCompress();
  const stored = { bytes: 0 };
  const written = pipeline(zstd, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      stored.bytes += chunk.length;
      // Writes all of it, where `write` may write less.
      await file.writeFile(chunk);
    }
  });
  // Whoever adds or seals hears of it.
  written.catch(() => {});

  const marks: { first: string | undefined; last: string | undefined } = {
    first: undefined,
    last: undefined,
  };
  const content = { last: first - 1, events: 0, earliest: Number.MAX_SAFE_INTEGER, latest: 0 };
  let bytes = 0;

  const note = ({ number, mark, events, committedAt }: HubRecord) => {
    if (number !== content.last + 1) throw new Error(`record ${number} does not follow ${content.last}`);
    if (number === first) marks.first = mark;
    marks.last = mark;
    content.last = number;
    content.events += events.length;
    content.earliest = Math.min(content.earliest, committedAt);
    content.latest = Math.max(content.latest, committedAt);
  };

  return {
    get bytes() {
      return bytes;
    },
    add: async (records) => {
      records.forEach(note);
      const lines = Buffer.from(
        records.map((record) => `${JSON.stringify({ epoch, ...record })}\n`).join(''),
      );
      bytes += lines.length;
      if (!zstd.write(lines)) await Promise.race([once(zstd, 'drain'), written]);
    },
    seal: async () => {
      zstd.end();
      await written;
      await file.sync();
      await file.close();
      await rename(unfinished, join(folder, segmentName({ epoch, first })));
      await syncFolder(folder);
      const sha256 = hash.digest('hex');
      return { epoch, first, ...content, firstMark: marks.first, lastMark: marks.last, ...stored, sha256 };
    },
    abandon: async () => {
      zstd.destroy();
      await written.catch(() => {});
      await file.close().catch(() => {});
    },
  };
}
