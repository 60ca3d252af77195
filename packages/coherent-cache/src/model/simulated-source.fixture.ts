import {
  type EventSource,
  everythingChanged,
  type PublicEvent,
  type Row,
  type RowChange,
} from '@portico/contracts/events/change-event.ts';

/** A thing that can be asked for: a row, or the ids of a list. */
export interface Key {
  readonly source: string;
  readonly kind: 'row' | 'list';
  readonly name: string;
}

export const tagOf = ({ source, kind, name }: Key) => `${kind}:${source}:${name}`;

export interface Transaction {
  readonly xid: number;
  /** Its place in the log, from 1. */
  readonly wal: number;
  readonly committedAt: number;
  readonly changes: readonly RowChange[];
  /** Such as a TRUNCATE, or more rows than are told one by one. */
  readonly isEverything: boolean;
  /** When it showed to other sessions first. */
  visibleAt: number | undefined;
  /** Who made it. */
  readonly client: number | undefined;
}

/** Said in the log by capture, so that the time and the oldest open transaction are known at that place. */
export interface Heartbeat {
  readonly wal: number;
  readonly committedAt: number;
  readonly xmin: number;
}

/** The kinds of change that a transaction can make. */
export const changeKinds = [
  'value',
  'move',
  'delete',
  'insert',
  'rekey',
  'truncate',
  'poison',
  'nothing',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

const other = (name: string, names: readonly string[]) => names.find((each) => each !== name) ?? name;

/** A database that shows its commits late and in any order, except that rows are locked until then. */
export function createSimulatedSource(source: string, now: () => number) {
  const rowNames = ['1', '2', '3'];
  const lists = ['x', 'y'];
  let rows = new Map<string, Row>([['1', { id: '1', list: 'x', value: 0 }]]);
  const log: (Transaction | Heartbeat)[] = [];
  const invisible = new Set<Transaction>();
  /** The transactions that show, in the order in which they began to. */
  const shown: Transaction[] = [];
  const open: number[] = [];
  let nextXid = 10;

  const show = (transaction: Transaction) => {
    if (!invisible.delete(transaction)) return;
    transaction.visibleAt = now();
    shown.push(transaction);
  };

  const changesOf = (kind: ChangeKind, pick: number): RowChange[] => {
    const table = 'things';
    const id = rowNames[pick % rowNames.length] ?? '1';
    const before = rows.get(id) ?? null;
    const updated = (after: Row): RowChange[] => [{ table, before, after }];
    const value = nextXid;
    if (kind === 'nothing') return [];
    if (kind === 'truncate') return [...rows.values()].map((row) => ({ table, before: row, after: null }));
    if (before === null) return updated({ id, list: lists[pick % 2] ?? 'x', value });
    if (kind === 'delete') return [{ table, before, after: null }];
    if (kind === 'move') return updated({ ...before, list: other(String(before.list), lists) });
    if (kind === 'poison')
      return updated({ ...before, list: other(String(before.list), lists), poison: true });
    const free = rowNames.find((name) => !rows.has(name));
    if (kind === 'rekey' && free !== undefined) return updated({ ...before, id: free });
    return updated({ ...before, value });
  };

  return {
    source,
    keys: [
      ...rowNames.map((name): Key => ({ source, kind: 'row', name })),
      ...lists.map((name): Key => ({ source, kind: 'list', name })),
    ],
    log,
    shown,
    /** Takes an xid, long before the commit. */
    begin: () => {
      if (open.length < 2) open.push(nextXid++);
    },
    commit: (kind: ChangeKind, pick: number, client: number | undefined): Transaction => {
      const changes = changesOf(kind, pick);
      const touched = new Set(changes.flatMap(({ before, after }) => [before?.id, after?.id]));
      // Whoever changes a row waits until the one before is over, and then it shows.
      for (const each of [...invisible]) {
        const meets = each.changes.some(
          ({ before, after }) => touched.has(before?.id) || touched.has(after?.id),
        );
        if (kind === 'truncate' || each.isEverything || meets) show(each);
      }
      rows = new Map(rows);
      for (const { before } of changes) if (before !== null) rows.delete(String(before.id));
      for (const { after } of changes) if (after !== null) rows.set(String(after.id), after);
      const xid = (pick % 2 === 1 ? open.pop() : undefined) ?? nextXid++;
      const transaction: Transaction = {
        xid,
        wal: log.length + 1,
        committedAt: now(),
        changes,
        isEverything: kind === 'truncate',
        visibleAt: undefined,
        client,
      };
      log.push(transaction);
      invisible.add(transaction);
      return transaction;
    },
    showOne: (pick: number): Transaction | undefined => {
      const transaction = [...invisible][pick % Math.max(1, invisible.size)];
      if (transaction !== undefined) show(transaction);
      return transaction;
    },
    beat: () => {
      const xmin = Math.min(nextXid, ...open, ...[...invisible].map(({ xid }) => xid));
      log.push({ wal: log.length + 1, committedAt: now(), xmin });
    },
  };
}

export type SimulatedSource = ReturnType<typeof createSimulatedSource>;

/** Whether what is under the key was changed. */
export function isAffected({ changes }: Transaction, key: Key): boolean {
  if (key.kind === 'row') {
    return changes.some(({ before, after }) => before?.id === key.name || after?.id === key.name);
  }
  return changes.some(
    ({ before, after }) =>
      (before?.list === key.name) !== (after?.list === key.name) ||
      (before?.list === key.name && before.id !== after?.id),
  );
}

/** What the source publishes. Events tell the list that something left only if the change tells it. */
export function toEventSource(source: string): EventSource {
  return {
    source,
    tables: ['things'],
    toEvents: ({ before, after }) => {
      const event = (key: unknown): PublicEvent => ({
        type: 'thing-changed',
        key: String(key),
        data: { before, after },
      });
      const ids = new Set([before?.id, after?.id].filter((id) => id !== undefined));
      return [...ids].map(event);
    },
    tagsOf: ({ key, data }) => {
      const [before, after] = [data.before, data.after] as (Row | null)[];
      if (after?.poison === true) throw new Error('not understood');
      const isListed = before?.list !== after?.list || before?.id !== after?.id;
      const lists = isListed ? [before?.list, after?.list].filter((list) => list !== undefined) : [];
      return [
        tagOf({ source, kind: 'row', name: key }),
        ...lists.map((list) => tagOf({ source, kind: 'list', name: String(list) })),
      ];
    },
  };
}

/** What capture makes of a transaction; with `REPLICA IDENTITY DEFAULT` the log has no more of a row than its key was. */
export function toPublicEvents(
  { changes, isEverything }: Transaction,
  { toEvents }: EventSource,
  hasFullIdentity: boolean,
): readonly PublicEvent[] {
  if (isEverything) return [{ type: everythingChanged, key: '', data: { before: null, after: null } }];
  const told = ({ table, before, after }: RowChange): RowChange => {
    if (hasFullIdentity || before === null) return { table, before, after };
    const keyOnly = after === null || before.id !== after.id ? { id: before.id ?? null } : null;
    return { table, before: keyOnly, after };
  };
  return changes.flatMap((change) => toEvents(told(change)));
}
