import { sql } from 'kysely';
import { type HubRecord, type Position, PositionGone, type Progress } from './event-hub.ts';

/** A piece of the log with what was true of the hub at the same moment. */
export interface LogPage {
  readonly epoch: string;
  /** The first number that is kept. */
  readonly first: number;
  /** The last number that was given. */
  readonly last: number;
  /** The mark of the record at the position that was asked for; null when there is none. */
  readonly mark: string | null;
  readonly progress: readonly Progress[];
  readonly records: readonly RecordRow[];
}

interface RecordRow {
  readonly number: number;
  readonly mark: string;
  readonly source: string;
  readonly log: string;
  readonly at: string;
  readonly xid: string;
  readonly committedAt: number;
  readonly part: number | null;
  readonly parts: number | null;
  readonly events: HubRecord['events'];
}

/** The columns of `records` that make a `RecordRow`. */
export const recordColumns =
  'number, mark, source, log, log_at::text as "at", xid::text, committed_at as "committedAt", part, parts, events';

/** What every source has said last, as one JSON array. */
export const progressArray = sql<readonly Progress[]>`(
  select coalesce(json_agg(json_build_object(
      'source', source, 'offset', json_build_object('log', progress_log, 'at', progress_at::text),
      'xmin', progress_xmin::text, 'committedAt', progress_committed_at, 'number', progress_number
    ) order by source), '[]')
  from sources where progress_number is not null)`;

/** What one append added, as its notification tells it. */
interface ToldRecords {
  readonly epoch: string;
  /** The number and the mark of the record before them. */
  readonly after: number;
  readonly mark: string | null;
  readonly records: readonly RecordRow[];
}

/**
 * The records behind `position`, of what a notification told.
 * @returns undefined when there may be others, or when another log than the reader's was told of: the log has to be asked
 */
export function recordsTold(told: string, position: Position): HubRecord[] | undefined {
  if (told === '') return undefined;
  const { epoch, after, mark, records }: ToldRecords = JSON.parse(told);
  if (epoch !== position.epoch) return undefined;
  // It was found by looking, before its news came.
  if ((records.at(-1)?.number ?? 0) <= position.number) return [];
  const joinsOn = after === position.number && (position.mark === undefined || position.mark === mark);
  return joinsOn ? records.map(toRecord) : undefined;
}

/** One statement, so one moment: records above `after`, at most `limit`, and about `maxBytes` of events but at least one record. */
export const pageQuery = (after: number, limit: number, maxBytes: number) => sql<{ page: LogPage }>`
  select json_build_object(
    'epoch', epoch, 'first', first_number, 'last', last_number,
    'mark', (select mark from records where number = ${after}),
    'progress', ${progressArray},
    'records', (
      select coalesce(json_agg(kept order by number), '[]') from (
        select ${sql.raw(recordColumns)}
        from (
          select *, sum(bytes) over (order by number) - bytes as bytes_before
          from (select * from records where number > ${after} order by number limit ${limit}) above
        ) summed
        where bytes_before < ${maxBytes}
      ) kept)
    ) as page
  from hub, log_end`;

export function toRecord({ log, at, part, parts, ...row }: RecordRow): HubRecord {
  const whole = { ...row, offset: { log, at } };
  return part === null || parts === null ? whole : { ...whole, part: { number: part, of: parts } };
}

/**
 * Whether a reader that is at `after` goes on with this page without a gap.
 * @throws PositionGone when it does not.
 */
export function checkPosition(
  {
    epoch,
    first,
    last,
    mark,
    records,
  }: Omit<LogPage, 'progress' | 'records'> & { records: readonly { number: number }[] },
  after: Position,
): void {
  const gone = (reason: string) => new PositionGone(`${after.number} of epoch ${after.epoch}: ${reason}`);
  if (after.epoch !== epoch) throw gone(`the hub's epoch is ${epoch}`);
  if (after.number > last) throw gone(`the log ends at ${last}`);
  if (after.number + 1 < first) throw gone(`the log begins at ${first}`);
  if (after.number > 0 && after.mark !== undefined && after.mark !== mark)
    throw gone('the record there is another');
  const hole = records.findIndex(({ number }, index) => number !== after.number + 1 + index);
  if (hole !== -1) throw gone(`${after.number + 1 + hole} is missing`);
}
