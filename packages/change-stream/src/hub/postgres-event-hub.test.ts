import { after } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import pg from 'pg';
import { describeEventHub } from './event-hub.contract.ts';
import { createPostgresEventHub } from './postgres-event-hub.ts';

const server = await startPostgres({ databases: ['hub'] });
after(() => server.stop());
const url = server.databases.hub ?? '';

async function query(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function emptyLog() {
  await query('drop schema public cascade; create schema public');
  return () => createPostgresEventHub({ url, log: silentLogger });
}

describeEventHub('PostgreSQL', {
  emptyLog,
  slowDown: async (source) => {
    await query(`
      create function linger() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$;
      create trigger slow before insert on records for each row when (new.source = '${source}') execute function linger()`);
  },
  cut: async () => {
    await query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'hub' and pid <> pg_backend_pid()`,
    );
  },
  crash: () => server.crash(),
});
