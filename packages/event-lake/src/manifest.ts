import { DatabaseSync } from 'node:sqlite';
import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { Segment } from './segment.ts';

/** The records of one epoch of the hub. What came before its begin is in the parts before it, or was never in the lake. */
export interface Part {
  readonly epoch: string;
  /** The number before its first record. */
  readonly after: number;
  /** Of the record with that number, where a part before it has that record. */
  readonly mark: string | undefined;
}

/** The list of all that is in the lake; a file that it doesn't name is not. */
export interface Manifest {
  /** In the order in which they began. */
  parts(): readonly Part[];
  /** Part by part, in the order of their numbers; or the other way round. Read in pieces, so it may go on for long. */
  segments(order?: 'newest first'): Generator<Segment>;
  /** Where the writer goes on; undefined for a lake without a part. It is no field of its own, so nothing can differ from it. */
  end(): Position | undefined;
  beginPart(part: Position): void;
  /** One transaction, on the disk when it returns: the segment counts, and the writer is behind it. */
  add(segment: Segment): void;
  /** @returns what SQLite finds wrong with the file; undefined when nothing is. */
  problem(): string | undefined;
  close(): void;
}

/** How long a statement waits for another process that reads or writes, in milliseconds. */
const busyMs = 5_000;
/** Segments that are read at a time. */
const piece = 1_000;

const tables = `
  create table if not exists parts (
    part integer primary key,
    epoch text not null unique,
    after_number integer not null,
    after_mark text
  ) strict;
  create table if not exists segments (
    part integer not null references parts,
    first integer not null,
    last integer not null,
    first_mark text,
    last_mark text,
    events integer not null,
    earliest integer not null,
    latest integer not null,
    bytes integer not null,
    sha256 text not null,
    primary key (part, first)
  ) strict, without rowid;`;

const columns = `part, epoch, first, last, first_mark as firstMark, last_mark as lastMark, events, earliest, latest,
  bytes, sha256`;

interface SegmentRow extends Omit<Segment, 'firstMark' | 'lastMark'> {
  readonly part: number;
  readonly firstMark: string | null;
  readonly lastMark: string | null;
}

/** The manifest in a SQLite database: its transactions are made for processes and machines that end at any moment. */
export function openManifest(path: string): Manifest {
  const db = new DatabaseSync(path, { timeout: busyMs });
  // EXTRA: the folder is synced as well when a transaction ends, so none is undone by a loss of power.
  db.exec('pragma synchronous = extra; pragma foreign_keys = on');
  const isNew = db.prepare("select 1 from sqlite_schema where name = 'segments'").get() === undefined;
  if (isNew) db.exec(`begin immediate; ${tables} commit`);

  const piecesOf = (order: 'asc' | 'desc') =>
    db.prepare(`select ${columns} from segments join parts using (part)
      where (part, first) ${order === 'asc' ? '>' : '<'} (?, ?) order by part ${order}, first ${order} limit ${piece}`);
  const lastPart = () => db.prepare('select * from parts order by part desc limit 1').get();

  return {
    parts: () =>
      db
        .prepare('select epoch, after_number as after, after_mark as mark from parts order by part')
        .all()
        .map(({ epoch, after, mark }) => ({
          epoch: String(epoch),
          after: Number(after),
          mark: typeof mark === 'string' ? mark : undefined,
        })),
    segments: function* (order) {
      const newestFirst = order === 'newest first';
      const pieces = piecesOf(newestFirst ? 'desc' : 'asc');
      let [part, first] = newestFirst ? [Number.MAX_SAFE_INTEGER, 0] : [0, 0];
      for (;;) {
        const rows = pieces.all(part, first) as unknown as SegmentRow[];
        yield* rows.map(toSegment);
        const end = rows.at(-1);
        if (end === undefined) return;
        ({ part, first } = end);
      }
    },
    end: () => {
      const part = lastPart();
      if (part === undefined) return undefined;
      const ends = 'select last, last_mark as mark from segments where part = ? order by first desc limit 1';
      const { last, mark } = db.prepare(ends).get(part.part ?? null) ?? {
        last: part.after_number,
        mark: part.after_mark,
      };
      return {
        epoch: String(part.epoch),
        number: Number(last),
        mark: typeof mark === 'string' ? mark : undefined,
      };
    },
    beginPart: ({ epoch, number, mark }) => {
      const added = db.prepare('insert into parts (epoch, after_number, after_mark) values (?, ?, ?)');
      added.run(epoch, number, mark ?? null);
    },
    add: (segment) => {
      const { epoch, first, last, firstMark, lastMark, events, earliest, latest, bytes, sha256 } = segment;
      db.prepare(
        `insert into segments select part, ?, ?, ?, ?, ?, ?, ?, ?, ? from parts where epoch = ?`,
      ).run(first, last, firstMark ?? null, lastMark ?? null, events, earliest, latest, bytes, sha256, epoch);
    },
    problem: () => {
      const said = db
        .prepare('pragma integrity_check(1)')
        .all()
        .map(({ integrity_check }) => String(integrity_check));
      return said.join() === 'ok' ? undefined : said.join();
    },
    close: () => db.close(),
  };
}

function toSegment({ part: _, firstMark, lastMark, ...row }: SegmentRow): Segment {
  return { ...row, firstMark: firstMark ?? undefined, lastMark: lastMark ?? undefined };
}
