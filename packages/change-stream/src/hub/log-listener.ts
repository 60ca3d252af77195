import { Socket } from 'node:net';
import type { CompiledQuery } from 'kysely';
import pg from 'pg';
import { channel } from './hub-database.ts';

/** A connection of its own that hears of every append. Whatever becomes of it, no call takes longer than its time. */
export interface LogListener {
  query<Row>(statement: CompiledQuery<Row>): Promise<readonly Row[]>;
  /** Waits for the next append since the last call came back, at most so long. Rejects when the connection is lost. */
  nextAppend(waitMs: number): Promise<void>;
  /** Ends it at once, and with it every call under way. */
  close(): void;
}

/** @throws when the hub does not answer within `timeoutMs` */
export async function openLogListener(url: string, timeoutMs: number): Promise<LogListener> {
  // The driver's own end waits for a peer that may be gone.
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: url,
    application_name: 'portico hub reader',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    keepAlive: true,
    stream: () => socket,
  });
  let appends = 0;
  let heard = 0;
  let lost: Error | undefined;
  let wake = () => {};
  const lose = (error: Error) => {
    lost ??= error;
    wake();
  };
  client.on('notification', () => {
    appends += 1;
    wake();
  });
  client.on('error', lose);
  client.on('end', () => lose(new Error('the connection to the hub ended')));
  const close = () => {
    lose(new Error('the connection to the hub was closed'));
    socket.destroy();
  };

  try {
    await client.connect();
    await client.query(`listen ${channel}`);
  } catch (error) {
    close();
    throw error;
  }
  return {
    query: async <Row>({ sql, parameters }: CompiledQuery<Row>) =>
      (await client.query(sql, [...parameters])).rows as Row[],
    nextAppend: async (waitMs) => {
      if (appends === heard && lost === undefined) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      heard = appends;
      if (lost !== undefined) throw lost;
    },
    close,
  };
}
