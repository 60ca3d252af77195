import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import pg from 'pg';
import { describeEventHub, follow, hasRecords, recordAt, recordsOf } from './event-hub.contract.ts';
import { type DurableEventHub, NotTheWriter } from './event-hub.ts';
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

const never = new AbortController().signal;

describe('the hub in PostgreSQL', () => {
  const using = async (work: (hub: DurableEventHub, open: () => DurableEventHub) => Promise<void>) => {
    const open = await emptyLog();
    const hub = open();
    try {
      await work(hub, open);
    } finally {
      await hub.close();
    }
  };

  test('is made once, though several processes start at once', async () => {
    const open = await emptyLog();
    const hubs = Array.from({ length: 5 }, open);
    const epochs = await Promise.all(hubs.map((hub) => hub.epoch()));
    assert.equal(new Set(epochs).size, 1);
    for (const hub of hubs) await hub.close();
  });

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    test(`another process takes the place of a writer that got ${signal}, which appends nothing after that`, async () => {
      await using(async (hub) => {
        const begin = { epoch: await hub.epoch(), number: 0 };
        const child = fork(fileURLToPath(new URL('writer.fixture.ts', import.meta.url)), [url, 'catalog']);
        try {
          await once(child, 'message');
          child.kill(signal);
          const writer = await hub.writer('catalog', never);
          const taken = (await hub.range()).last;
          assert.equal(writer.stored?.at, String(taken));
          const outcome = outcomeOf(child, taken);
          child.kill('SIGCONT');
          if (signal === 'SIGSTOP') assert.equal(await outcome, NotTheWriter.name);
          await writer.append([recordAt('catalog', taken + 1)]);
          const records = await hub.read(begin, 1_000_000);
          assert.deepEqual(
            records.map(({ offset, number }) => [Number(offset.at), number]),
            Array.from({ length: taken + 1 }, (_, index) => [index + 1, index + 1]),
          );
        } finally {
          child.kill('SIGKILL');
        }
      });
    });
  }

  test('a tail notices a connection on which nothing comes back any more', async () => {
    await using(async (hub) => {
      const begin = { epoch: await hub.epoch(), number: 0 };
      const writer = await hub.writer('catalog', never);
      await writer.append([recordAt('catalog', 1)]);
      const wire = await openWire(url);
      const far = createPostgresEventHub({ url: wire.url, log: silentLogger });
      const tail = far.tail(begin, () => wire.hang(), never);
      await assert.rejects(tail, /timeout/i);
      await wire.close();
      await far.close();
    });
  });

  test('a slow reader is given a few megabytes at a time, and a large record by itself', async () => {
    await using(async (hub, open) => {
      const begin = { epoch: await hub.epoch(), number: 0 };
      const writer = await hub.writer('catalog', never);
      const large = (at: number, size: number) =>
        recordAt('catalog', at, {
          events: [{ id: 'e', type: 't', key: 'x'.repeat(size), data: { before: null, after: null } }],
        });
      await writer.append(Array.from({ length: 40 }, (_, index) => large(index + 1, 500_000)));
      await writer.append([large(41, 6_000_000), large(42, 1)]);
      const reader = open();
      const sizes: number[] = [];
      const done = new AbortController();
      const receive: Parameters<typeof hub.tail>[1] = (messages) => {
        sizes.push(JSON.stringify(messages).length);
        if (recordsOf(messages).at(-1)?.number === 42) done.abort();
      };
      await reader.tail(begin, receive, done.signal);
      await reader.close();
      assert.ok(sizes.length >= 6);
      assert.ok(Math.max(...sizes.slice(0, 4)) < 5_000_000, sizes.join());
    });
  });

  test('readers are told of little with its notification, and look for much', async () => {
    await using(async (hub) => {
      await hub.epoch();
      const listener = new pg.Client({ connectionString: url });
      await listener.connect();
      await listener.query('listen portico_hub');
      const told: string[] = [];
      listener.on('notification', ({ payload = '' }) => told.push(payload));
      const writer = await hub.writer('catalog', never);
      const events = (size: number) => ({
        events: [{ id: 'e', type: 't', key: 'x'.repeat(size), data: { before: null, after: null } }],
      });
      await writer.append([recordAt('catalog', 1), recordAt('catalog', 2)]);
      await writer.append([recordAt('catalog', 3, events(7_000))]);
      await writer.append([recordAt('catalog', 4, events(7_890))]);
      await writer.append([recordAt('catalog', 5, events(100_000))]);
      await writer.append([], { offset: { log: 'catalog-log', at: '5' }, xmin: '1', committedAt: 1 });
      // They come before the answer to what is asked later.
      await listener.query('select');
      await listener.end();
      const lastNumbers = told.map((text) => text && JSON.parse(text).records.at(-1).number);
      assert.deepEqual(lastNumbers, [2, 3, '', '', '']);
    });
  });

  test('what is lost of the notifications is found all the same', async () => {
    await using(async (hub) => {
      const begin = { epoch: await hub.epoch(), number: 0 };
      const writer = await hub.writer('catalog', never);
      await writer.append([recordAt('catalog', 1)]);
      const { promise: heard, resolve } = Promise.withResolvers<void>();
      const following = follow(hub, begin, (messages) => {
        if (hasRecords(1)(messages)) resolve();
        return hasRecords(2)(messages);
      });
      await heard;
      await query(`with ending as (update log_end set last_number = last_number + 1 returning last_number)
        insert into records (number, source, log, log_at, xid, committed_at, bytes, events)
          select last_number, 'catalog', 'l', 1, 1, 1, 2, '[]' from ending`);
      assert.equal(recordsOf(await following).length, 2);
    });
  });
});

/** What becomes of the child's first append beyond `taken`. */
function outcomeOf(child: ChildProcess, taken: number): Promise<string> {
  return new Promise((resolve) => {
    child.on('message', ({ appended = 0, ended }: { appended?: number; ended?: string }) => {
      if (ended !== undefined) resolve(ended);
      if (appended > taken) resolve(`appended ${appended}`);
    });
  });
}

/** A way to the server that can be made to hang: it stays open, and nothing comes through any more. */
async function openWire(target: string) {
  const { hostname, port } = new URL(target);
  const sockets: Socket[] = [];
  const wire = createServer((near) => {
    const far = createConnection(Number(port), hostname);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) sockets.push(socket.on('error', () => {}));
  }).listen(0, '127.0.0.1');
  await once(wire, 'listening');
  return {
    url: Object.assign(new URL(target), { port: (wire.address() as AddressInfo).port }).href,
    hang: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      wire.close();
    },
  };
}
