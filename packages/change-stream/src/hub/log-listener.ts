import { Socket } from 'node:net';
import type { CompiledQuery } from 'kysely';
import pg from 'pg';
import { channel } from './hub-database.ts';

/** A connection of its own that hears of every append. */
export interface LogListener {
  /**
   * Runs the statement of this name, always the same one, which is planned once. Rejects, and ends the connection, when nothing
   * comes back for the time that was given.
   */
  query<Row>(name: string, statement: CompiledQuery<Row>): Promise<readonly Row[]>;
  /**
   * Waits for appends since the last call came back, at most so long. Rejects when the connection is lost.
   * @returns what was told of the only one; empty where that was nothing, there were several, or the time is over
   */
  nextAppend(waitMs: number): Promise<string>;
  /** Ends it at once, and with it every call under way. */
  close(): void;
}

/**
 * Plans are kept, and may be as old as an empty log: each has to be right for a long one. A reader asks after every append, and
 * planning takes three times as long as looking.
 */
const settings = [
  'plan_cache_mode = force_generic_plan',
  'enable_seqscan = off',
  'enable_bitmapscan = off',
  'jit = off',
];

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
  let told: string | undefined;
  let lost: Error | undefined;
  let wake = () => {};
  const lose = (error: Error) => {
    lost ??= error;
    wake();
  };
  client.on('notification', ({ payload = '' }) => {
    told = told === undefined ? payload : '';
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
  const query = async (statement: pg.QueryConfig) => {
    socket.setTimeout(timeoutMs);
    const { rows } = await client.query(statement);
    socket.setTimeout(0);
    return rows;
  };

  try {
    await client.connect();
    await query({ text: [...settings.map((each) => `set ${each}`), `listen ${channel}`].join('; ') });
  } catch (error) {
    close();
    throw error;
  }
  return {
    query: <Row>(name: string, { sql, parameters }: CompiledQuery<Row>) =>
      query({ name, text: sql, values: [...parameters] }) as Promise<Row[]>,
    nextAppend: async (waitMs) => {
      if (told === undefined && lost === undefined) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      if (lost !== undefined) throw lost;
      const only = told ?? '';
      told = undefined;
      return only;
    },
    close,
  };
}
