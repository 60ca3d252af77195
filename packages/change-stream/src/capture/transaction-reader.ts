import {
  type ChangeCause,
  type ChangeEvent,
  type EventSource,
  everythingChangedEvent,
  type PublicEvent,
  type Row,
  type RowChange,
} from '@portico/contracts/events/change-event.ts';
import { commitPrefix, readCommitMessage, tracePrefix } from '@portico/runtime/commit.ts';
import type { Pgoutput } from 'pg-logical-replication';
import type { Captured } from './captured.ts';
import { formatLsn, parseLsn, widenXid } from './log-position.ts';
import { resnapshotCure, SourceProblem } from './source-problem.ts';

export const heartbeatPrefix = 'portico-heartbeat';

/** Above either, a transaction is told as one event, so that memory stays bounded whatever its size. */
const mostRows = 10_000;
const mostBytes = 32 * 1024 * 1024;

export interface TransactionReaderOptions {
  readonly source: EventSource;
  /** Begins the id of each event: what tells this log from all others. */
  readonly idPrefix: string;
  /** A transaction id of about now, of 64 bits. */
  readonly nearXid: () => bigint;
  /** A change whose events can't be computed; it becomes `everything-changed`. */
  readonly onNotUnderstood: (error: unknown, table: string) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

interface OpenTransaction {
  readonly lsn: string;
  readonly xid: bigint;
  rows: number;
  bytes: number;
  /** Whether it gets a record. */
  told: boolean;
  everything: ChangeCause | undefined;
  traceparent: string | undefined;
  events: ChangeEvent[];
  sizes: number[];
}

/**
 * Puts transactions together from the messages of pgoutput, one message at a time; gives a transaction with its commit,
 * and nothing for one that published nothing. It holds at most one transaction, and of that no more than it can tell.
 * @throws SourceProblem when the log lacks what a change is made from.
 */
export function createTransactionReader(options: TransactionReaderOptions) {
  const { source, idPrefix, nearXid, onNotUnderstood, now = Date.now } = options;
  let open: OpenTransaction | undefined;

  function add(transaction: OpenTransaction, event: PublicEvent): void {
    const id = `${idPrefix}.${transaction.lsn}.${transaction.events.length}`;
    const { type, key, data, traceparent = transaction.traceparent } = event;
    const whole = { id, type, key, data, ...(traceparent !== undefined && { traceparent }) };
    const size = Buffer.byteLength(JSON.stringify(whole));
    transaction.events.push(whole);
    transaction.sizes.push(size);
    transaction.bytes += size;
  }

  function tellAsOne(transaction: OpenTransaction, cause: ChangeCause): void {
    transaction.everything ??= cause;
    transaction.events = [];
    transaction.sizes = [];
    transaction.bytes = 0;
  }

  function changeRow(relation: Pgoutput.MessageRelation, change: () => RowChange): void {
    if (open === undefined) throw new Error('a change outside of a transaction');
    open.told = true;
    open.rows += 1;
    if (open.everything !== undefined) return;
    try {
      if (!isTold(relation)) throw new Error('the table is published, but not declared');
      for (const event of source.toEvents(change())) add(open, event);
    } catch (error) {
      onNotUnderstood(error, relation.name);
      tellAsOne(open, 'not-understood');
    }
    if (open.rows > mostRows || open.bytes > mostBytes) tellAsOne(open, 'too-large');
  }

  function commit(message: Pgoutput.MessageCommit): Captured | undefined {
    const ended = open;
    open = undefined;
    if (ended === undefined) throw new Error('a commit without a begin');
    if (!ended.told) return undefined;
    const { everything } = ended;
    if (everything !== undefined) add(ended, everythingChangedEvent(everything));
    const { xid, events, sizes } = ended;
    const at = parseLsn(String(message.commitEndLsn));
    const committedAt = milliseconds(message.commitTime);
    return { kind: 'transaction', at, xid, committedAt, readAt: now(), events, sizes };
  }

  const isTold = ({ schema, name }: Pgoutput.MessageRelation) =>
    schema === 'public' && source.tables.includes(name);

  return (message: Pgoutput.Message): Captured | undefined => {
    switch (message.tag) {
      case 'begin': {
        const lsn = formatLsn(parseLsn(String(message.commitLsn)));
        const xid = widenXid(message.xid, nearXid());
        open = { ...emptyTransaction(), lsn, xid };
        return undefined;
      }
      case 'relation':
        if (isTold(message)) requireWholeRows(source.source, message);
        return undefined;
      case 'insert':
        changeRow(message.relation, () => rowChange(message.relation, null, message.new));
        return undefined;
      case 'update':
        changeRow(message.relation, () => rowChange(message.relation, message.old, message.new));
        return undefined;
      case 'delete':
        changeRow(message.relation, () => rowChange(message.relation, message.old, null));
        return undefined;
      case 'truncate':
        if (open === undefined) throw new Error('a TRUNCATE outside of a transaction');
        open.told = true;
        tellAsOne(open, 'truncated');
        return undefined;
      case 'message':
        if (message.transactional) {
          if (open === undefined) return undefined;
          if (message.prefix === commitPrefix) open.told = true;
          if (message.prefix === commitPrefix || message.prefix === tracePrefix) {
            open.traceparent ??= readCommitMessage(message.content);
          }
          return undefined;
        }
        return message.prefix === heartbeatPrefix ? readHeartbeat(message) : undefined;
      case 'commit':
        return commit(message);
      case 'origin':
      case 'type':
        return undefined;
    }
  };
}

function emptyTransaction(): Omit<OpenTransaction, 'lsn' | 'xid'> {
  return {
    rows: 0,
    bytes: 0,
    told: false,
    everything: undefined,
    traceparent: undefined,
    events: [],
    sizes: [],
  };
}

function readHeartbeat({ messageLsn, content }: Pgoutput.MessageMessage): Captured | undefined {
  const [, xmin, committedAt] = /^(\d{1,20}) (\d{1,16})$/.exec(Buffer.from(content).toString()) ?? [];
  if (xmin === undefined) return undefined;
  return { kind: 'progress', at: parseLsn(String(messageLsn)), xmin, committedAt: Number(committedAt) };
}

function requireWholeRows(source: string, { name, replicaIdentity }: Pgoutput.MessageRelation): void {
  if (replicaIdentity === 'full') return;
  throw new SourceProblem(
    `the log lacks whole rows of the table ${name}, whose replica identity was changed`,
    `alter table ${name} replica identity full; then ${resnapshotCure(source)}`,
  );
}

type Tuple = Readonly<Record<string, unknown>> | null;

/** An unchanged TOAST column is not sent again: the parser takes it from `before`, which holds it with whole rows. */
function rowChange({ name }: Pgoutput.MessageRelation, before: Tuple, after: Tuple): RowChange {
  for (const row of [before, after]) {
    for (const column in row) {
      if (row[column] === undefined) throw new Error(`the value of ${name}.${column} was not sent`);
    }
  }
  return { table: name, before: before as Row | null, after: after as Row | null };
}

function milliseconds(microseconds: unknown): number {
  return Number((microseconds as bigint) / 1000n);
}
