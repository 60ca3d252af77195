import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { checkAppend } from '@portico/change-stream/hub/check-append.ts';
import {
  type DurableEventHub,
  type HubMessage,
  type HubRecord,
  type NewProgress,
  type NewRecord,
  NotTheWriter,
  OtherLog,
  type Position,
  type Progress,
  type SourceOffset,
  type SourceWriter,
} from '@portico/change-stream/hub/event-hub.ts';
import { checkPosition } from '@portico/change-stream/hub/log-page.ts';
import { createProgressOrder } from '@portico/change-stream/hub/progress-in-order.ts';

interface SourceState {
  stored: SourceOffset | undefined;
  writer: symbol | undefined;
  progress: Progress | undefined;
}

interface Log {
  epoch: string;
  first: number;
  last: number;
  records: HubRecord[];
  readonly sources: Map<string, SourceState>;
  readonly consumers: Map<string, number>;
  /** Emits `append` and `release`. */
  readonly changed: EventEmitter;
}

/** A log in this process. Each call of what it gives is a hub of its own on it, as another process would have. */
export function createMemoryLog(): () => DurableEventHub {
  const changed = new EventEmitter().setMaxListeners(0);
  const log: Log = {
    epoch: randomUUID(),
    first: 1,
    last: 0,
    records: [],
    sources: new Map(),
    consumers: new Map(),
    changed,
  };
  return () => createMemoryEventHub(log);
}

function createMemoryEventHub(log: Log): DurableEventHub {
  const closing = new AbortController();
  const read = (after: Position, limit: number): HubRecord[] => {
    const records = log.records.filter(({ number }) => number > after.number).slice(0, limit);
    const mark = log.records.find(({ number }) => number === after.number)?.mark ?? null;
    checkPosition({ ...log, mark, records }, after);
    return structuredClone(records);
  };
  const progress = () => [...log.sources.values()].flatMap((source) => source.progress ?? []);

  return {
    epoch: async () => log.epoch,
    range: async () => ({ epoch: log.epoch, first: log.first, last: log.last }),
    read: async (after, limit) => read(after, limit),
    progress: async () => structuredClone(progress()),
    tail: async (after, receive, signal) => {
      const ending = AbortSignal.any([signal, closing.signal]);
      const progressInOrder = createProgressOrder();
      for (let position = after; !ending.aborted; ) {
        const records = read(position, 500);
        const end = records.at(-1);
        if (end !== undefined) position = { epoch: after.epoch, number: end.number, mark: end.mark };
        const messages: HubMessage[] = [
          ...records.map((record) => ({ kind: 'record' as const, record })),
          ...progressInOrder(progress(), position.number).map((said) => ({
            kind: 'progress' as const,
            progress: said,
          })),
        ];
        if (messages.length > 0) await receive(messages);
        else await once(log.changed, 'append', { signal: ending }).catch(() => {});
      }
    },
    writer: async (source, signal) => {
      const state = stateOf(log, source);
      while (state.writer !== undefined) {
        signal.throwIfAborted();
        await once(log.changed, 'release', { signal }).catch(() => signal.throwIfAborted());
      }
      signal.throwIfAborted();
      return createWriter(log, source, state);
    },
    trim: async (before) => {
      const old = log.records.findIndex(({ committedAt }) => committedAt >= before);
      const kept = Math.min(log.records[old]?.number ?? log.last, log.last, ...log.consumers.values());
      const gone = Math.max(0, kept - log.first);
      log.records = log.records.slice(gone);
      log.first += gone;
      return gone;
    },
    keepFor: async (consumer, { number }) => {
      log.consumers.set(consumer, Math.max(number, log.consumers.get(consumer) ?? 0));
    },
    consumers: async () =>
      [...log.consumers].toSorted().map(([name, at]) => {
        const oldestAt = log.records.find(({ number }) => number > at)?.committedAt;
        return { name, behind: log.last - at, oldestAt };
      }),
    forget: async (consumer) => log.consumers.delete(consumer),
    renewEpoch: async () => {
      log.consumers.clear();
      log.epoch = randomUUID();
      log.changed.emit('append');
      return log.epoch;
    },
    close: async () => closing.abort(),
  };
}

function stateOf({ sources }: Log, source: string): SourceState {
  const state = sources.get(source) ?? { stored: undefined, writer: undefined, progress: undefined };
  sources.set(source, state);
  return state;
}

function createWriter(log: Log, source: string, state: SourceState): SourceWriter {
  const writer = Symbol(source);
  state.writer = writer;
  return {
    stored: state.stored,
    append: async (records, progress) => {
      if (state.writer !== writer) throw new NotTheWriter(`somebody else appends for ${source}`);
      append(log, source, state, structuredClone(records), structuredClone(progress));
    },
    release: async () => {
      if (state.writer === writer) state.writer = undefined;
      log.changed.emit('release');
    },
  };
}

function append(
  log: Log,
  source: string,
  state: SourceState,
  records: readonly NewRecord[],
  progress: NewProgress | undefined,
): void {
  const checked = checkAppend(source, records, progress);
  if (checked === undefined) return;
  const sameLog = state.stored === undefined || state.stored.log === checked.log;
  if (!sameLog && !checked.beginsLog) throw new OtherLog(`the offsets of ${source} are of another log`);
  for (const { xid } of records) BigInt(xid);

  const stored = sameLog ? BigInt(state.stored?.at ?? -1) : -1n;
  for (const record of records.filter(({ offset }) => BigInt(offset.at) > stored)) {
    log.last += 1;
    log.records.push({ ...record, number: log.last, mark: randomUUID() });
    state.stored = record.offset;
  }
  if (progress !== undefined && BigInt(progress.offset.at) >= stored) {
    state.stored = progress.offset;
    state.progress = { source, ...progress, number: log.last };
  }
  log.changed.emit('append');
}
