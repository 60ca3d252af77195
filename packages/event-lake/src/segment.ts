/** What the manifest says of one file of the lake: records of one part that follow each other. */
export interface Segment {
  /** Of the part, which is that of the hub. */
  readonly epoch: string;
  /** Numbers of its first and last record. */
  readonly first: number;
  readonly last: number;
  /** Marks of these two, where the hub gave any: they tell whether another log has the same records. */
  readonly firstMark: string | undefined;
  readonly lastMark: string | undefined;
  readonly events: number;
  /** The earliest and the latest commit in it, epoch milliseconds: sources are not in each other's order of time. */
  readonly earliest: number;
  readonly latest: number;
  /** Of the file as it lies on the disk. */
  readonly bytes: number;
  readonly sha256: string;
}

/** The same for every segment that begins there: what a killed writer has left is replaced by the next one. */
export function segmentName({ epoch, first }: Pick<Segment, 'epoch' | 'first'>): string {
  return `${epoch}-${String(first).padStart(12, '0')}.ndjson.zst`;
}

/** Where a segment is written until it is whole. */
export const unfinishedName = 'unfinished.tmp';
