import { setTimeout as delay } from 'node:timers/promises';
import type { SourceOffset } from '../hub/event-hub.ts';
import type { ServerLog } from './check-source.ts';
import { parseLsn } from './log-position.ts';
import type { SourceDatabase } from './source-database.ts';
import { resnapshotCure, SourceProblem } from './source-problem.ts';

export const slotName = (source: string): string => `portico_${source}`;

/** What the offsets of one snapshot and of all that was captured after it belong to. */
export interface LogIdentity extends ServerLog {
  /** Random, new with each snapshot: it tells one slot from another of the same name. */
  readonly generation: string;
  /** Of the publication, when the snapshot was taken. */
  readonly fingerprint: string;
}

export function logOf({ systemId, timeline, generation, fingerprint }: LogIdentity): string {
  return `${systemId}.${timeline}.${generation}.${fingerprint}`;
}

/** The log of a snapshot's own records: as long as the hub stores it, the snapshot isn't whole. */
export const snapshotLogOf = (identity: LogIdentity): string => `${logOf(identity)}.snapshot`;

export const isUnfinishedSnapshot = ({ log }: SourceOffset): boolean => log.endsWith('.snapshot');

interface Slot {
  readonly usable: boolean;
  readonly here: boolean;
  readonly confirmed: string;
  readonly flushed: string;
  readonly fingerprint: string | null;
}

/**
 * Whether the slot goes on where the hub ends. PostgreSQL would not say: asked to begin before what a slot has confirmed, it
 * begins there, and what lies between is never seen.
 * @throws SourceProblem
 */
export async function checkSlot(
  source: string,
  stored: SourceOffset,
  server: ServerLog,
  database: SourceDatabase,
): Promise<LogIdentity> {
  const fail = (message: string): never => {
    throw new SourceProblem(message, resnapshotCure(source));
  };
  const [systemId = '', timeline = '', generation = '', fingerprint = ''] = stored.log.split('.');
  if (systemId !== server.systemId) fail('the database is of another server than what the hub holds');
  if (timeline !== server.timeline) fail('the database was restored, or another server became the primary');

  const [slot] = await database.query<Slot>(
    `select s.plugin = 'pgoutput' and not s.temporary and s.wal_status is distinct from 'lost' as usable,
       s.database = current_database() as here, s.confirmed_flush_lsn::text as confirmed,
       pg_current_wal_flush_lsn()::text as flushed
     from pg_replication_slots s where s.slot_name = $1`,
    [slotName(source)],
  );
  if (slot === undefined) return fail(`the slot ${slotName(source)} is missing`);
  if (!slot.here) fail(`the slot ${slotName(source)} belongs to another database`);
  if (!slot.usable) fail(`the slot ${slotName(source)} can not be used any more: its log was removed`);
  const at = BigInt(stored.at);
  if (parseLsn(slot.confirmed) > at) {
    fail(
      `the slot ${slotName(source)} is ahead of the hub: it was made anew or moved, or the hub was restored (then renew its epoch first)`,
    );
  }
  if (parseLsn(slot.flushed) < at) fail('the database is older than what the hub holds: it was restored');
  if ((await database.fingerprint()) !== fingerprint) {
    fail('the publication, or one of its tables, was changed or made anew');
  }
  return { systemId, timeline, generation, fingerprint };
}

/**
 * Takes the slot from whoever reads it. The caller is the hub's writer, so that can only be one who is not any more: a
 * process that is gone or paused, for whom PostgreSQL would wait up to wal_sender_timeout.
 */
export async function freeSlot(source: string, database: SourceDatabase, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; attempt <= 200; attempt++) {
    const [slot] = await database.query<{ pid: number | null }>(
      'select active_pid as pid from pg_replication_slots where slot_name = $1',
      [slotName(source)],
    );
    if (slot === undefined || slot.pid === null) return;
    // Another role's process can't be ended; it may still end by itself.
    await database.query('select pg_terminate_backend($1)', [slot.pid]).catch(() => {});
    await delay(50, undefined, { signal });
  }
  throw new Error(`the slot ${slotName(source)} is in use by another program`);
}
