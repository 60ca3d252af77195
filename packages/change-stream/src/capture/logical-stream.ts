import { LogicalReplicationService, type Pgoutput, PgoutputPlugin } from 'pg-logical-replication';
import { columnReader, sessionSettings } from './column-values.ts';
import { formatLsn } from './log-position.ts';

export interface LogicalStreamOptions {
  readonly databaseUrl: string;
  readonly slot: string;
  readonly publication: string;
  /** Gets one message after the other; the next waits for it. What it throws ends the stream. */
  readonly onMessage: (message: Pgoutput.Message) => Promise<void> | undefined;
}

export interface LogicalStream {
  /** Rejects with what ended it. */
  readonly ended: Promise<never>;
  /** Lets the server forget what ends at or before `at`; it sends all after that again to whoever comes next. */
  acknowledge(at: bigint): void;
  close(): Promise<void>;
}

/** Reads a slot's changes from where it was acknowledged, at the pace of whoever receives them. */
export function openLogicalStream(options: LogicalStreamOptions): LogicalStream {
  const { databaseUrl, slot, publication, onMessage } = options;
  const connection = { connectionString: databaseUrl, connectionTimeoutMillis: 5_000, keepAlive: true };
  const service = new LogicalReplicationService(
    { ...connection, options: sessionSettings, application_name: 'portico-capture' },
    // Without timeoutSeconds: 0 it acknowledges on a timer what was only received.
    { acknowledge: { auto: false, timeoutSeconds: 0 }, flowControl: { enabled: true } },
  );
  const plugin = new ReadablePgoutput({ protoVersion: 1, publicationNames: [publication], messages: true });
  const { promise: ended, reject } = Promise.withResolvers<never>();
  ended.catch(() => {});

  let failed = false;
  service.on('data', async (_lsn, message: Pgoutput.Message | Unreadable) => {
    // The library goes on with the next message when one fails.
    if (failed) return;
    try {
      if (message.tag === 'unreadable') throw message.error;
      const wait = onMessage(message);
      if (wait !== undefined) await wait;
    } catch (error) {
      failed = true;
      reject(error);
    }
  });
  service.on('error', reject);
  // Always from 0/0: the server begins where the slot stands.
  service.subscribe(plugin, slot, '0/00000000').then(() => reject(new Error('the stream ended')), reject);

  return {
    ended,
    // The library sends one more than it is given. One too many would skip a commit that follows at once.
    acknowledge: (at) => void service.acknowledge(formatLsn(at - 1n)),
    close: async () => {
      failed = true;
      await service.destroy();
    },
  };
}

interface Unreadable {
  readonly tag: 'unreadable';
  readonly error: unknown;
}

class ReadablePgoutput extends PgoutputPlugin {
  /** Called from the socket's event, where an error would end the process: it becomes a message. */
  override parse(buffer: Buffer): Pgoutput.Message {
    try {
      const message = super.parse(buffer);
      if (message.tag === 'relation') {
        // The parser keeps this object for the relation's rows.
        for (const column of message.columns) column.parser = columnReader(column.typeOid);
      }
      return message;
    } catch (error) {
      const unreadable: Unreadable = { tag: 'unreadable', error };
      return unreadable as unknown as Pgoutput.Message;
    }
  }
}
