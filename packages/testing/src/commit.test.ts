import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answerCommit } from '@portico/runtime/commit.ts';
import { createDatabase } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { type Kysely, sql } from 'kysely';
import { startPostgres, type TestPostgres } from './engines.ts';

interface Tables {
  things: { id: string };
}

let postgres: TestPostgres;
let db: Kysely<Tables>;
let admin: Kysely<unknown>;

before(async () => {
  postgres = await startPostgres({ databases: ['shop'] });
  db = createDatabase(String(postgres.databases.shop), silentLogger);
  admin = createDatabase(Object.assign(new URL(postgres.url), { pathname: '/shop' }).href, silentLogger);
  await sql`create table things (id text primary key)`.execute(db);
  await sql`create publication portico for table things`.execute(db);
  await sql`select pg_create_logical_replication_slot('portico', 'pgoutput')`.execute(admin);
});
after(async () => {
  await db?.destroy();
  await admin?.destroy();
  await postgres?.stop();
});

/** The transactions that the log has a message of since the last time, as commits are named. */
async function commitsInLog(): Promise<string[]> {
  // A commit that waits for the disk flushes the log, which a test's server else does when it has time.
  await sql`select set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'flush', '')`.execute(
    admin,
  );
  const { rows } = await sql<{ xid: string }>`
    select xid::text from pg_logical_slot_get_binary_changes('portico', null, null,
      'proto_version', '1', 'publication_names', 'portico', 'messages', 'true')
    where position('portico'::bytea in data) > 0`.execute(admin);
  return rows.map(({ xid }) => `shop:${xid}`);
}

const add = (id: string) =>
  answerCommit(db, 'shop', async (trx, commitId) => {
    await trx.insertInto('things').values({ id }).execute();
    return { status: 201, body: commitId };
  });

describe('The commit of a command', () => {
  it('is named in its answer, and has a message in the log', async () => {
    const answer = await add('a');
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.headers, { 'Commit-Id': answer.body });
    assert.deepEqual(await commitsInLog(), [answer.body]);
    const { rows } = await sql<{ xid: string }>`select xmin::text as xid from things`.execute(db);
    assert.deepEqual(
      rows.map(({ xid }) => `shop:${xid}`),
      [answer.body],
    );
  });

  it('is in the log also when no row changed', async () => {
    const { headers } = await answerCommit(db, 'shop', async () => ({ body: undefined }));
    assert.deepEqual(await commitsInLog(), [headers?.['Commit-Id']]);
  });

  it('is that of the command which is repeated, where the work says so', async () => {
    const repeated = { 'Commit-Id': 'shop:1' };
    const answer = await answerCommit(db, 'shop', async () => ({ body: undefined, headers: repeated }));
    assert.deepEqual(answer.headers, repeated);
    await commitsInLog();
  });

  it('does not exist when the command fails', async () => {
    await assert.rejects(add('a'), /unique/);
    assert.deepEqual(await commitsInLog(), []);
  });
});
