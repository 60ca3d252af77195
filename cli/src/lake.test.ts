/** The event lake as its users have it: the process that writes it, and the commands that check, ask and replay it. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { recordAt } from '@portico/change-stream/hub/event-hub.contract.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'portico-lake-'));
const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, LAKE_URL: pathToFileURL(dir).href };

let postgres: TestPostgres;
const children: ChildProcess[] = [];
before(async () => {
  postgres = await startPostgres({ databases: ['hub'] });
  env.HUB_URL = postgres.databases.hub;
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
});

function portico(...args: readonly string[]) {
  return spawnSync(process.execPath, [program, 'lake', ...args], { env, encoding: 'utf8' });
}

async function startWriter(): Promise<{ child: ChildProcess; admin: string }> {
  const child = fork(program, ['lake', 'write'], {
    env: { ...env, LAKE_SEGMENT_SECONDS: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const [{ ready }] = await once(child, 'message');
  return { child, admin: ready.admin };
}

const day = 24 * 60 * 60 * 1_000;
const placed = (at: number, onDay: number, total: number) =>
  recordAt('orders', at, {
    committedAt: Date.UTC(2026, 0, 1) + onDay * day,
    events: [
      {
        id: `o${at}`,
        type: 'order-placed',
        key: `o${at}`,
        data: { before: null, after: { total, at: 2 ** 53 } },
      },
    ],
  });

const ordersByDay = `select committed_at::date as day, count(*) as orders, sum((data->>'$.after.total')::bigint) as total
  from events where type = 'order-placed' group by day order by day`;

describe('portico lake', { timeout: 120_000 }, () => {
  test('write brings the hub into the lake, is one process at a time, and ends well', async () => {
    const hub = createPostgresEventHub({ url: String(env.HUB_URL), log: silentLogger });
    const never = new AbortController().signal;
    const [orders, catalog] = [await hub.writer('orders', never), await hub.writer('catalog', never)];
    await orders.append([placed(1, 0, 100), placed(2, 1, 20)]);
    const { child, admin } = await startWriter();
    await catalog.append([recordAt('catalog', 1, { committedAt: Date.UTC(2026, 0, 2) })]);
    await orders.append([placed(3, 1, 3)]);
    for (let metrics = ''; !/^portico_lake_records_total\{.*\} 4$/m.test(metrics); ) {
      metrics = await (await fetch(`${admin}/metrics`)).text();
    }
    assert.equal((await fetch(`${admin}/readyz`)).status, 200);
    const second = portico('write');
    assert.equal(second.status, 1);
    assert.match(second.stderr, /^could not start: .*writer\.lock is locked by another process\n$/);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await hub.close();
  });

  test('verify says what is in it', () => {
    const { status, stdout } = portico('verify');
    assert.equal(status, 0);
    assert.match(stdout, /^clean: \d segments, 4 records, 4 events in 1 parts\n$/);
  });

  test('query answers SQL over the table events, as a table for people or as JSON for programs', () => {
    const table = portico('query', ordersByDay);
    assert.equal(table.status, 0, table.stderr);
    assert.equal(
      table.stdout,
      `day         orders  total
----------  ------  -----
2026-01-01       1    100
2026-01-02       2     23
`,
    );
    const json = portico(
      'query',
      '--json',
      `select number, committed_at, type, key, data from events where key = 'o1'`,
    );
    assert.deepEqual(JSON.parse(json.stdout), {
      number: 1,
      committed_at: '2026-01-01 00:00:00',
      type: 'order-placed',
      key: 'o1',
      data: { before: null, after: { total: 100, at: 2 ** 53 } },
    });
  });

  test('query reads the lake and nothing else, changes nothing, and takes no longer than it may', () => {
    for (const [sql, why] of [
      ['select nothing from events', /"nothing" not found/],
      ['select 1; select 2', /one statement at a time/],
      [`select * from read_text('${program}')`, /file system operations are disabled/],
      [`copy events to '${join(dir, 'copy.csv')}'`, /file system operations are disabled/],
      ['drop view events', /the lake is only read/],
      ['set enable_external_access = true', /the lake is only read/],
    ] as const) {
      const { status, stdout, stderr } = portico('query', sql);
      assert.deepEqual([status, stdout], [1, ''], sql);
      assert.match(stderr, why);
    }
    const long = portico('query', 'select sum(hash(range)) from range(1000000000000)', '--seconds', '1');
    assert.equal(long.status, 1);
    assert.match(long.stderr, /^the query took longer than 1 s/);
    assert.match(portico('query').stderr, /^portico: say portico lake query "<sql>"/);
  });

  test('replay gives the events of a range, a source and a type as lines of JSON, and says how many', () => {
    const keys = (...args: readonly string[]) => {
      const { status, stdout, stderr } = portico('replay', ...args);
      assert.equal(status, 0, stderr);
      const lines = stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
      assert.match(stderr, new RegExp(`^replayed ${lines.length} events of `, 'm'));
      return lines.map(({ key }) => key);
    };
    assert.deepEqual(keys(), ['o1', 'o2', 'k1', 'o3']);
    assert.deepEqual(keys('--from', '2', '--to', '4'), ['o2', 'k1']);
    assert.deepEqual(keys('--from', '2026-01-02'), ['o2', 'k1', 'o3']);
    assert.deepEqual(keys('--to', '2026-01-01T12:00:00Z'), ['o1']);
    assert.deepEqual(keys('--source', 'orders', '--type', 'order-placed', '--from', '3'), ['o3']);
    assert.deepEqual(keys('--type', 'thing-changed'), ['k1']);
    const [line = ''] = portico('replay', '--to', '2').stdout.split('\n');
    const { epoch, ...event } = JSON.parse(line);
    const { source, xid, committedAt, events } = placed(1, 0, 100);
    assert.deepEqual(event, { number: 1, source, xid, committedAt, ...events[0] });
    assert.match(epoch, /^[0-9a-f]{32}$/);
  });

  test('who reads no further is no error', () => {
    for (const action of ['replay', `query --json 'select * from events'`]) {
      const { status, stderr } = spawnSync(
        'sh',
        ['-c', `"$0" "$1" lake ${action} | true`, process.execPath, program],
        {
          env,
          encoding: 'utf8',
        },
      );
      assert.equal(status, 0);
      assert.doesNotMatch(stderr, /EPIPE/);
    }
  });

  test('wrong use is one line that says what is right', () => {
    assert.match(portico().stderr, /^portico: say portico lake write, lake verify, .* or lake replay\n$/);
    assert.match(
      portico('replay', '--from', 'yesterday').stderr,
      /^portico: say portico lake replay \[--from/,
    );
    assert.match(portico('replay', '--epoch', 'x').stderr, /^portico: the lake has no part "x", but \w+\n$/);
    const elsewhere = { ...env, LAKE_URL: 'file:///nowhere' };
    const none = spawnSync(process.execPath, [program, 'lake', 'verify'], {
      env: elsewhere,
      encoding: 'utf8',
    });
    assert.equal(none.status, 2);
    assert.match(none.stderr, /^portico: there is no lake in \/nowhere: .*LAKE_URL says where it is\n$/);
  });

  test('verify names a segment that was cut; neither query nor replay goes on', () => {
    const [name = ''] = readdirSync(join(dir, 'segments'))
      .filter((file) => file.endsWith('.zst'))
      .sort();
    truncateSync(join(dir, 'segments', name), 10);
    const damage = new RegExp(`^damaged: ${name} is cut: 10 of \\d+ bytes are there`);
    const { status, stdout } = portico('verify');
    assert.equal(status, 1);
    assert.match(stdout, damage);
    for (const args of [['replay'], ['query', ordersByDay]]) {
      const refused = portico(...args);
      assert.deepEqual([refused.status, refused.stdout], [1, '']);
      assert.match(refused.stderr, damage);
    }
  });
});
