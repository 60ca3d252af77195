import type { EventHub, HubMessage, HubRecord, NewRecord, Position, Progress } from '../hub/event-hub.ts';
import { PositionGone } from '../hub/event-hub.ts';

interface Tail {
  next: number;
  readonly epoch: string;
  readonly receive: (messages: readonly HubMessage[]) => Promise<void> | void;
  readonly fail: (error: Error) => void;
}

/** One process's connection. */
export interface Connection {
  readonly hub: EventHub;
  cut(): void;
  mend(): void;
  isCut(): boolean;
  /** Brings so many records, from `again` places before the next one, and the progress that they allow. */
  deliver(count: number, again: number): Promise<void>;
}

/** A hub whose every move is a step of a test. */
export function createSimulatedHub() {
  let epoch = 'epoch 1';
  let epochs = 1;
  let log: HubRecord[] = [];
  let said: Progress[] = [];
  const logs = new Map<string, HubRecord[]>([[epoch, log]]);
  const connections: Connection[] = [];

  const latest = () => new Map(said.map((progress) => [progress.source, progress]));
  const check = (after: Position) => {
    if (after.epoch !== epoch || after.number > log.length) throw new PositionGone('another log');
  };

  const connect = (): Connection => {
    let isCut = false;
    let tail: Tail | undefined;
    const reachable = () => {
      if (isCut) throw new Error('the connection is cut');
    };
    const drop = () => {
      tail?.fail(new Error('the connection is lost'));
      tail = undefined;
    };
    const hub: EventHub = {
      epoch: async () => epoch,
      range: async () => {
        reachable();
        return { epoch, first: 1, last: log.length };
      },
      read: async (after, limit) => {
        reachable();
        check(after);
        return log.slice(after.number, after.number + limit);
      },
      progress: async () => {
        reachable();
        return [...latest().values()];
      },
      tail: async (after, receive, signal) => {
        reachable();
        check(after);
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        tail = { next: after.number, epoch: after.epoch, receive, fail: reject };
        signal.addEventListener('abort', () => resolve());
        await promise;
      },
      writer: async () => {
        throw new Error('not needed here');
      },
      trim: async () => 0,
      close: async () => {},
    };
    const connection: Connection = {
      hub,
      cut: () => {
        isCut = true;
        drop();
      },
      mend: () => {
        isCut = false;
      },
      isCut: () => isCut,
      deliver: async (count, again) => {
        const to = tail;
        if (to === undefined || to.epoch !== epoch) return drop();
        const from = Math.max(0, to.next - again);
        const records = log.slice(from, to.next + count);
        to.next = Math.max(to.next, from + records.length);
        const progress = [...latest().values()].filter(({ number }) => number <= to.next);
        try {
          await to.receive([
            ...records.map((record) => ({ kind: 'record' as const, record })),
            ...progress.map((each) => ({ kind: 'progress' as const, progress: each })),
          ]);
        } catch (error) {
          to.fail(error as Error);
        }
      },
    };
    connections.push(connection);
    return connection;
  };

  /** The place in a source's own log up to which all is in the hub's log up to `number`. */
  const coverage = (at: Position, source: string) =>
    Math.max(
      0,
      ...(logs.get(at.epoch) ?? [])
        .slice(0, at.number)
        .map((record) => (record.source === source ? Number(record.offset.at) : 0)),
    );

  return {
    connect,
    coverage,
    size: () => log.length,
    /** Puts another record in a place that has been given, as a copy would that nobody gave a new epoch. */
    rewrite: (number: number, record: NewRecord) => {
      log[number - 1] = { ...record, number };
    },
    append: (record: NewRecord) => {
      const stored = coverage({ epoch, number: log.length }, record.source);
      if (Number(record.offset.at) > stored) log.push({ ...record, number: log.length + 1 });
    },
    say: (progress: Omit<Progress, 'number'>) => {
      said.push({ ...progress, number: log.length });
    },
    /** An older copy takes the place of the log, and a new epoch begins. */
    restore: (number: number) => {
      epochs += 1;
      epoch = `epoch ${epochs}`;
      log = log.slice(0, number);
      said = said.filter((progress) => progress.number <= number);
      logs.set(epoch, log);
      for (const connection of connections) {
        if (connection.isCut()) continue;
        connection.cut();
        connection.mend();
      }
    },
  };
}

export type SimulatedHub = ReturnType<typeof createSimulatedHub>;
