import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createZstdDecompress } from 'node:zlib';
import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { LakeDamaged } from './lake.ts';
import { type Segment, segmentName } from './segment.ts';

/** Of decompressed text that is worked on at a time, in bytes. */
const chunkSize = 256 * 1024;

/**
 * Reads the file of a segment, as it was written.
 * @throws LakeDamaged that says whether it is missing, cut or changed.
 */
export async function readSegmentFile(folder: string, segment: Segment): Promise<Buffer> {
  const damaged = (how: string) => new LakeDamaged(`${segmentName(segment)} ${how}`);
  const file = await readFile(join(folder, segmentName(segment))).catch((error: NodeJS.ErrnoException) => {
    throw damaged(error.code === 'ENOENT' ? 'is missing' : `can not be read: ${error.message}`);
  });
  if (file.length < segment.bytes)
    throw damaged(`is cut: ${file.length} of ${segment.bytes} bytes are there`);
  if (createHash('sha256').update(file).digest('hex') !== segment.sha256) {
    throw damaged('was changed: its SHA-256 is another');
  }
  return file;
}

/**
 * The records of a segment, some at a time. Nothing is given of a file that is not what was written; of one that is, only
 * the compressed bytes and some records are held in memory.
 * @throws LakeDamaged as `readSegmentFile`.
 */
export async function* readSegment(folder: string, segment: Segment): AsyncGenerator<readonly HubRecord[]> {
  const file = await readSegmentFile(folder, segment);
  const zstd = createZstdDecompress({ chunkSize });
  zstd.setEncoding('utf8');
  zstd.end(file);
  let rest = '';
  // Not by readline: it also ends a line at U+2028, which JSON leaves as it is.
  for await (const text of zstd) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines.map(toRecord);
  }
}

function toRecord(line: string): HubRecord {
  const { epoch: _, ...record } = JSON.parse(line);
  return record;
}
