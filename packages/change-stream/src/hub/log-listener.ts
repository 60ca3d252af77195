import { Socket } from 'node:net';
import type { CompiledQuery } from 'kysely';
import pg from 'pg';
import { channel } from './hub-database.ts';

/** A connection of its own that hears of every append. */
export interface LogListener {
  /** Rejects, and ends the connection, when nothing comes back for the time that was given. */
  query<Row>(statement: CompiledQuery<Row>): Promise<readonly Row[]>;
  /** Waits for the next append since the last call came back, at most so long. Rejects when the connection is lost. */
  nextAppend(waitMs: number): Promise<void>;
  /** Ends it at once, and with it every call under way. */
  close(): void;
}

/** @throws when the hub does not answer within `timeoutMs`, or the signal aborts, which later ends the connection at once */
export async function openLogListener(
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<LogListener> {
  // The driver's own end waits for a peer that may be gone, and its time limit ends a large answer on a slow line.
  const socket = new Socket();
  socket.on('timeout', () => socket.destroy(new Error(`timeout: the hub was silent for ${timeoutMs} ms`)));
  const client = new pg.Client({
    connectionString: url,
    application_name: 'portico hub reader',
    connectionTimeoutMillis: timeoutMs,
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
    signal.removeEventListener('abort', close);
    lose(new Error('the connection to the hub was closed'));
    socket.destroy();
  };
  signal.addEventListener('abort', close, { once: true });
  const query = async (text: string, values: readonly unknown[] = []) => {
    socket.setTimeout(timeoutMs);
    const { rows } = await client.query(text, [...values]);
    socket.setTimeout(0);
    return rows;
  };

  try {
    await client.connect();
    await query(`listen ${channel}`);
  } catch (error) {
    close();
    throw error;
  }
  return {
    query: <Row>({ sql, parameters }: CompiledQuery<Row>) => query(sql, parameters) as Promise<Row[]>,
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
