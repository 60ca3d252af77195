import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { RowChange } from '@portico/contracts/events/change-event.ts';
import { eventSource } from '@portico/contracts/events/event-sources.ts';
import { inventoryEvents } from '@portico/contracts/events/inventory-events.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { sql } from 'kysely';
import { createCaptureMetrics } from '../capture/capture-metrics.ts';
import type { EventHub } from '../hub/event-hub.ts';
import { createChangeNode } from '../node/create-change-node.ts';
import { createEventPosts } from './create-event-posts.ts';
import { createOutbox, type Outbox, outboxMigration } from './outbox.ts';
import { createPoster, type Poster, type PosterOptions } from './poster.ts';
import { createSourceInbox, type SourceInbox } from './source-inbox.ts';

const secret = 's'.repeat(32);
const signal = new AbortController().signal;

let postgres: TestPostgres;
let db: Database<object>;
let hub: EventHub;
let outbox: Outbox;
let inbox: SourceInbox;
let server: Server;
/** Comes before what takes the posts. */
let intercept: RequestListener | undefined;
let url: string;
const posters: Poster[] = [];

before(async () => {
  postgres = await startPostgres({ databases: ['inventory'] });
  db = createDatabase(String(postgres.databases.inventory), silentLogger);
  await migrateToLatest(db, { '001-outbox': outboxMigration });
});
after(async () => {
  await db?.destroy();
  await postgres?.stop();
});

beforeEach(async () => {
  await sql`truncate outbox`.execute(db);
  await sql`update outbox_end set log = 'first', last = 0`.execute(db);
  outbox = createOutbox(db, inventoryEvents);
  hub = createMemoryLog()();
  const metrics = createMetrics('test');
  const ofSource = createCaptureMetrics(metrics, Date.now)('inventory');
  inbox = createSourceInbox({ source: eventSource('inventory'), hub, log: silentLogger, metrics: ofSource });
  const app = createEventPosts({
    sources: [{ source: inventoryEvents, secret, inbox }],
    log: silentLogger,
    metrics,
  });
  intercept = undefined;
  server = createServer((req, res) => (intercept ?? app)(req, res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await Promise.all(posters.splice(0).map((poster) => poster.close()));
  server.close();
  server.closeAllConnections();
  await inbox.close();
});

const post = (options: Partial<PosterOptions> = {}) => {
  const pause = async () => {};
  const all = { source: 'inventory', outbox, urls: [url], secret, log: silentLogger, heartbeatMs: 5, pause };
  const poster = createPoster({ ...all, ...options });
  posters.push(poster);
  return poster;
};
const changeOf = (id: string, quantity: number): RowChange => ({
  table: 'stock',
  before: null,
  after: { product_id: id, quantity, reserved: 0 },
});
const commit = (...changes: RowChange[]) =>
  outbox.answerCommit(db, async (_trx, tell) => {
    for (const change of changes) tell(change);
    return { body: null };
  });
const told = async () => {
  const records = await hub.read({ epoch: await hub.epoch(), number: 0 }, 10_000);
  return records.map(({ offset, events }) => [offset.at, ...events.map(({ key }) => key)].join(' '));
};
/** What is in the hub as soon as everything up to this number is told of this log. */
const toldUpTo = async (sequence: number, log = 'post.first') => {
  const isThere = (at: string, name: string) => at === String(sequence) && name === log;
  for (;;) {
    const [progress] = await hub.progress();
    if (progress && isThere(progress.offset.at, progress.offset.log)) return told();
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const untold = async () => (await outbox.read(1_000_000)).commits.length;
const nothingUntold = async () => {
  while ((await untold()) > 0);
};

describe('The outbox', () => {
  it('numbers commits without a gap, in the order in which they are seen, also side by side', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => commit(changeOf(`p${n + 1}`, 1))));
    const ids = answers.map(({ headers }) => headers?.['Commit-Id']);
    assert.deepEqual(ids.sort(), Array.from({ length: 30 }, (_, n) => `inventory:${n + 1}`).sort());
    const page = await outbox.read(1_000_000);
    assert.deepEqual([page.last, page.commits.length], ['30', 30]);
    assert.ok(Math.abs(Date.now() - page.at) < 10_000);
  });

  it('has nothing of a command that failed, and nothing to tell of one that changed nothing', async () => {
    await commit(changeOf('p1', 1));
    const failing = outbox.answerCommit(db, async (_trx, tell) => {
      tell(changeOf('p2', 1));
      throw new Error('no');
    });
    await assert.rejects(failing, /no/);
    const { headers } = await commit();
    assert.deepEqual(headers, { 'Commit-Id': 'inventory:1' });
    assert.deepEqual([(await outbox.read(1_000_000)).last, await untold()], ['1', 1]);
  });

  it('tells a command in the trace of its request', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const during = db.during({ signal: new AbortController().signal, traceparent });
    await outbox.answerCommit(during, async (_trx, tell) => {
      tell(changeOf('p1', 1));
      return { body: null };
    });
    const { commits } = await outbox.read(1_000_000);
    const [event] = JSON.parse(commits[0]?.events ?? '[]');
    assert.equal(event?.traceparent, traceparent);
  });

  it('tells a commit that is too large as a change of everything', async () => {
    await commit(...Array.from({ length: 2_000 }, (_, n) => changeOf(`p${n + 1}`, 1)));
    post();
    assert.deepEqual(await toldUpTo(1), ['0 lost', '1 too-large']);
  });
});

describe('The poster', () => {
  it('tells each commit once, and lets go of it', async () => {
    const poster = post({ heartbeatMs: 60_000 });
    await toldUpTo(0);
    outbox.onCommit = poster.wake;
    await commit(changeOf('p1', 1), changeOf('p2', 2));
    assert.deepEqual(await toldUpTo(1), ['0 lost', '1 p1 p2']);
    await commit(changeOf('p1', 3));
    await toldUpTo(2);
    await nothingUntold();
    assert.deepEqual(await told(), ['0 lost', '1 p1 p2', '2 p1']);
  });

  it('lets a node know that a commit is applied, that the source can be trusted, and what changed', async () => {
    post();
    await toldUpTo(0);
    const node = createChangeNode({ hub, sources: [inventoryEvents], log: silentLogger });
    const { headers } = await commit(changeOf('p7', 1));
    const [source = '', xid = ''] = String(headers?.['Commit-Id']).split(':');
    const commits = [{ source, xid }];
    assert.ok(await node.reaches({ position: undefined, commits, seen: [] }, 10_000, signal));
    assert.equal(node.lastChange('stock:p7'), node.applied?.number);
    while (!node.isTrusted('inventory')) await new Promise((resolve) => setImmediate(resolve));
    const [again = ''] = String((await commit()).headers?.['Commit-Id'])
      .split(':')
      .slice(1);
    const unchanged = { position: undefined, commits: [{ source, xid: again }], seen: [] };
    assert.ok(await node.reaches(unchanged, 10_000, signal));
    await node.close();
  });

  it('tells what was committed while nobody took it, in pages, in order', async () => {
    let refusals = 0;
    intercept = (_req, res) => {
      refusals += 1;
      if (refusals === 3) intercept = undefined;
      res.writeHead(503).end();
    };
    for (let n = 1; n <= 1_200; n += 1) await commit(changeOf(`p${n}`, 1));
    post();
    assert.deepEqual(await toldUpTo(1_200), [
      '0 lost',
      ...Array.from({ length: 1_200 }, (_, n) => `${n + 1} p${n + 1}`),
    ]);
    assert.equal(refusals, 3);
  });

  it('tells again what was stored but not answered, and it is there once', async () => {
    let cut = false;
    const app = createEventPosts({
      sources: [{ source: inventoryEvents, secret, inbox }],
      log: silentLogger,
      metrics: createMetrics('test'),
    });
    intercept = (req, res) => {
      if (!cut) {
        cut = true;
        // The answer gets lost on its way.
        res.end = (() => res.destroy()) as unknown as typeof res.end;
        res.write = (() => false) as unknown as typeof res.write;
      }
      app(req, res);
    };
    await commit(changeOf('p1', 1));
    post();
    assert.deepEqual(await toldUpTo(1), ['0 lost', '1 p1']);
    assert.ok(cut);
  });

  it('goes to the next address where one does not take the posts', async () => {
    await commit(changeOf('p1', 1));
    post({ urls: ['http://127.0.0.1:1', url] });
    assert.deepEqual(await toldUpTo(1), ['0 lost', '1 p1']);
  });

  it('goes on after what is refused, and everything counts as changed', async () => {
    await commit(changeOf('p1', 1));
    await sql`insert into outbox values (2, '[{"specversion":"0.3"}]')`.execute(db);
    await sql`update outbox_end set last = 2`.execute(db);
    post();
    assert.deepEqual(await toldUpTo(2), ['2 lost']);
    await commit(changeOf('p3', 1));
    assert.deepEqual(await toldUpTo(3), ['2 lost', '3 p3']);
  });

  it('keeps everything while its secret is not right', async () => {
    await commit(changeOf('p1', 1));
    const refused = new Promise((resolve) => {
      intercept = (_req, res) => {
        res.writeHead(401).end();
        resolve(undefined);
      };
    });
    post({ secret: 'wrong' });
    await refused;
    await posters.pop()?.close();
    assert.equal(await untold(), 1);
    assert.deepEqual(await told(), []);
  });

  it('begins a new log when its store was restored from a copy', async () => {
    for (let n = 1; n <= 3; n += 1) await commit(changeOf(`p${n}`, 1));
    post();
    await toldUpTo(3);
    await nothingUntold();
    await posters.pop()?.close();
    await sql`update outbox_end set last = 1`.execute(db);
    await commit(changeOf('p9', 1));
    post();
    let log = 'first';
    while (log === 'first') ({ log } = await outbox.read(1));
    assert.deepEqual(await toldUpTo(2, `post.${log}`), ['0 lost', '1 p1', '2 p2', '3 p3', '2 lost']);
    await commit(changeOf('p8', 1));
    assert.equal((await toldUpTo(3, `post.${log}`)).at(-1), '3 p8');
  });
});
