import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '@portico/testing/engines.ts';
import pg from 'pg';
import { commandLineOf } from './command-line.ts';

const program = fileURLToPath(new URL('postgres.ts', import.meta.url));

async function query(url: string | undefined, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

describe('databases', async () => {
  const server = await startPostgres({ databases: ['apples', 'pears'], captured: ['apples'] });
  after(() => server.stop());
  const { apples = '', pears = '' } = server.databases;
  const { apples: capture = '' } = server.captures;

  test('a role works in its own database as its owner', async () => {
    await query(apples, 'CREATE TABLE crates (id int)');
    assert.deepEqual(await query(apples, 'SELECT current_user, current_database()'), ['apples', 'apples']);
  });

  test("a role can't connect to another's database, nor to the server's own", async () => {
    for (const database of ['pears', 'postgres', 'template1']) {
      const url = Object.assign(new URL(apples), { pathname: `/${database}` }).href;
      await assert.rejects(query(url, 'SELECT 1'), { code: '42501' }, database);
    }
  });

  test("a role can't connect with another's password, or none", async () => {
    const { password } = new URL(pears);
    for (const wrong of [password, '']) {
      const url = Object.assign(new URL(apples), { password: wrong }).href;
      await assert.rejects(query(url, 'SELECT 1'));
    }
  });

  test('the role capture reads the log of a database and all of its tables, also later ones, and writes none', async () => {
    await query(apples, 'CREATE TABLE baskets AS SELECT 7 AS id');
    assert.deepEqual(await query(capture, 'SELECT current_user, id FROM baskets'), ['capture', 7]);
    await query(capture, `SELECT pg_create_logical_replication_slot('picked', 'pgoutput')`);
    await query(capture, `SELECT pg_drop_replication_slot('picked')`);
    for (const denied of ['DELETE FROM baskets', 'CREATE TABLE mine (id int)']) {
      await assert.rejects(query(capture, denied), { code: '42501' }, denied);
    }
  });

  test('the role capture connects to no database that is not captured', async () => {
    assert.deepEqual(Object.keys(server.captures), ['apples']);
    for (const database of ['pears', 'postgres', 'template1']) {
      const url = Object.assign(new URL(capture), { pathname: `/${database}` }).href;
      await assert.rejects(query(url, 'SELECT 1'), { code: '42501' }, database);
    }
  });

  test('the server can be captured, sorts by code point and listens on 127.0.0.1 alone', async () => {
    const settings = await query(
      server.url,
      `SELECT setting FROM pg_settings WHERE name IN ('wal_level', 'listen_addresses', 'server_encoding') ORDER BY name`,
    );
    assert.deepEqual(settings, ['127.0.0.1', 'UTF8', 'logical']);
    assert.deepEqual(await query(apples, `SELECT 'Z' < 'a'`), [true]);
  });
});

let dir: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'portico-postgres-'));
  // As root, the server's own user must get into it.
  chmodSync(dir, 0o711);
});
afterEach(async () => {
  for (const child of children.splice(0)) await stop(child);
  rmSync(dir, { recursive: true, force: true });
});

function begin(databaseUrl = '', captured = ''): ChildProcess {
  const env = {
    ...process.env,
    PORTICO_ENGINE_DIR: dir,
    DATABASES: 'apples',
    CAPTURED: captured,
    DATABASE_URL: databaseUrl,
  };
  const child = fork(program, [], { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  children.push(child);
  return child;
}

async function start(databaseUrl = '', captured = '') {
  const child = begin(databaseUrl, captured);
  const [{ ready }] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  return { child, ready };
}

describe('a server that somebody else runs', async () => {
  const server = await startPostgres({ databases: [] });
  after(() => server.stop());
  await query(server.url, `CREATE ROLE maker LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD 'made-up'`);
  await query(server.url, `GRANT CONNECT ON DATABASE postgres TO maker`);
  const url = Object.assign(new URL(server.url), { username: 'maker', password: 'made-up' }).href;

  test('is given the databases by a user that may create databases and roles and replicate, at every start', async () => {
    for (const _ of [1, 2]) {
      const { child, ready } = await start(url, 'apples');
      assert.equal(ready.pid, undefined);
      assert.deepEqual(await query(ready.databases.apples, 'SELECT current_user'), ['apples']);
      assert.deepEqual(await query(ready.captures.apples, 'SELECT current_user'), ['capture']);
      await stop(child);
      assert.equal(child.exitCode, 0);
    }
  });

  test('keeps a role of the same name that was there before', async () => {
    await query(server.url, 'DROP DATABASE apples');
    await query(server.url, 'DROP ROLE apples');
    await query(server.url, 'CREATE ROLE apples LOGIN');
    assert.equal(
      await refusal(url),
      `The PostgreSQL of DATABASE_URL can't be used: the server has a role "apples" that Portico did not make\n`,
    );
  });

  test('that can not be reached is refused in one line without its password', async () => {
    const nobody = Object.assign(new URL(url), { port: '9' }).href;
    assert.match(await refusal(nobody), /^The PostgreSQL of DATABASE_URL can't be used: .*ECONNREFUSED.*\n$/);
  });
});

/** Runs the program to its end, which is a failure; gives what it wrote about it. */
async function refusal(databaseUrl: string): Promise<string> {
  const child = begin(databaseUrl);
  let written = '';
  child.stderr?.on('data', (chunk) => {
    written += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.doesNotMatch(written, /made-up/);
  return written;
}

describe('a server that is started again on its data', () => {
  test('what was committed is there, and passwords are the same', async () => {
    const first = await start();
    await query(first.ready.databases.apples, 'CREATE TABLE crates AS SELECT 7 AS id');
    await stop(first.child);
    assert.equal(first.child.exitCode, 0);
    assert.equal(lives(first.ready.pid), false);
    const second = await start();
    assert.deepEqual(await query(second.ready.databases.apples, 'SELECT id FROM crates'), [7]);
    assert.equal(new URL(second.ready.url).password, new URL(first.ready.url).password);
  });

  test('what was made before anything was captured can be captured', async () => {
    const first = await start();
    assert.deepEqual(first.ready.captures, {});
    await query(first.ready.databases.apples, 'CREATE TABLE crates AS SELECT 7 AS id');
    await stop(first.child);
    const second = await start('', 'apples');
    assert.deepEqual(await query(second.ready.captures.apples, 'SELECT id FROM crates'), [7]);
  });

  test('a server that its killed program left behind is stopped, and nothing is lost', async () => {
    const first = await start();
    await query(first.ready.databases.apples, 'CREATE TABLE crates AS SELECT 7 AS id');
    await kill(first.child);
    assert.equal(lives(first.ready.pid), true, 'the orphan');
    const second = await start();
    assert.equal(lives(first.ready.pid), false);
    assert.deepEqual(await query(second.ready.databases.apples, 'SELECT id FROM crates'), [7]);
  });

  test('the program ends with exit 1 when its server is killed, and the next start recovers', async () => {
    const first = await start();
    await query(first.ready.databases.apples, 'CREATE TABLE crates AS SELECT 7 AS id');
    process.kill(first.ready.pid, 'SIGKILL');
    assert.deepEqual(await once(first.child, 'exit'), [1, null]);
    const second = await start();
    assert.deepEqual(await query(second.ready.databases.apples, 'SELECT id FROM crates'), [7]);
  });

  test('a pid file with an unrelated living process in it does not keep the server from starting', async () => {
    await stop((await start()).child);
    writeFileSync(join(dir, 'data', 'cluster', 'postmaster.pid'), `${process.pid}\n`);
    await start();
  });

  test('an initdb that was killed is repaired', async () => {
    const first = begin();
    const data = join(dir, 'data');
    while (!existsSync(data) || !readdirSync(data).some((name) => /^new-[0-9a-f]{8}$/.test(name)))
      await delay(1);
    await kill(first);
    const { ready } = await start();
    assert.deepEqual(await query(ready.databases.apples, 'SELECT 1'), [1]);
    assert.deepEqual(readdirSync(data), ['cluster']);
  });
});

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.disconnect();
  await once(child, 'exit');
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A server that has ended may stay in the process table until the system's first process asks about it. */
function lives(pid: number): boolean {
  return commandLineOf(pid) !== '';
}
