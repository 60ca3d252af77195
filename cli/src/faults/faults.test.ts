/** The faults of processes as their operators have them: real views behind real admin ports, and the command that asks them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FaultDesk } from '@portico/change-stream/faults/fault-desk.ts';
import { createFaultRoutes } from '@portico/change-stream/faults/fault-routes.ts';
import { foldRecords, keysOfRecords, startOf } from '@portico/change-stream/views/fold-records.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import type { View } from '@portico/change-stream/views/view.ts';
import { createViewFaults } from '@portico/change-stream/views/view-faults.ts';
import { createAdminApp } from '@portico/runtime/admin.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'portico-faults-'));
const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
  rmSync(dir, { recursive: true });
});

/** Not in this process alone: it has to answer meanwhile. */
function portico(...args: readonly string[]) {
  const env = { PATH: process.env.PATH, PORTICO_DATA_DIR: dir };
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [program, 'faults', ...args], { env }, (error, stdout, stderr) => {
      resolve({ status: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** Counts events by key, and fails at the types that it is told. */
const counts = (...poison: string[]): View<number> => ({
  name: 'web counts',
  version: 3,
  sources: ['orders'],
  keysOf: ({ key }) => [key],
  initial: () => 0,
  evolve: (count, { type }) => {
    if (poison.includes(type)) throw new TypeError(`no idea of ${type}\u001b[2J`);
    return count + 1;
  },
});
const store = createMemoryViewStore<number>();
const context = { codeVersion: '3, build b1', now: () => Date.UTC(2026, 0, 1) };
const deskOf = (view: View<number>) => createViewFaults(view, store, context, silentLogger, () => {});

async function listen(desks: readonly FaultDesk[] | undefined) {
  const metrics = createMetrics('test');
  const extra = desks && createFaultRoutes(desks);
  const admin = createAdminApp({ metrics, checks: {}, stopping: () => false, extra });
  const server = createServer(admin).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let web: string;
before(async () => {
  const buggy = counts('gift', 'bundle');
  await store.update([], () => ({ cursor: startOf(buggy, 'e', 1), isCleared: true, states: new Map() }));
  const records = [
    ['o1', 'gift'],
    ['o1', 'sale'],
    ['o2', 'sale'],
    ['o1', 'bundle'],
    ['o1', 'sale'],
  ].map(([key = '', type = ''], index) => ({
    number: index + 1,
    source: 'orders',
    offset: { log: 'orders', at: String(index + 1) },
    xid: '1',
    committedAt: 0,
    events: [{ id: `e${index + 1}`, type, key, data: { before: null, after: { index } } }],
  }));
  await store.update(keysOfRecords(buggy, records), (stored) =>
    foldRecords(buggy, records, 'e', stored, context),
  );
  web = await listen([deskOf(buggy)]);
  const demo = [
    { name: 'web', admin: web },
    { name: 'web 2', admin: await listen([deskOf(counts('bundle'))]) },
    { name: 'inventory', admin: await listen(undefined) },
    { name: 'postgres', url: 'x' },
  ];
  writeFileSync(join(dir, 'demo.json'), JSON.stringify({ processes: demo }));
});
const idOf = async () => JSON.parse((await portico('list', '--json')).stdout)[0]?.id;

test('list names each fault of all processes once, and who has it', async () => {
  const { status, stdout, stderr } = await portico('list');
  const [head = '', , row = '', ...others] = stdout.split('\n');
  assert.deepEqual([status, stderr, others], [0, '', ['']]);
  assert.match(head, /^id +consumer +event +since +tries +waiting +error +processes$/);
  assert.match(
    row,
    /^[0-9a-f]{8} {2}web counts {2}gift o1 {2}2026-01-01T00:00:00.000Z +1 +3 {2}TypeError: no idea of gift \[2J {2}web, web 2$/,
  );
  const [fault] = JSON.parse((await portico('list', '--json')).stdout);
  assert.deepEqual(fault.event, { id: 'e1', type: 'gift', key: 'o1' });
  assert.deepEqual(fault.processes, ['web', 'web 2']);
});

test('show tells of one fault everything that there is', async () => {
  const id = await idOf();
  const { status, stdout } = await portico('show', id);
  assert.equal(status, 0);
  const [head = '', stack = '', event = ''] = stdout.split('\n\n');
  assert.equal(
    head,
    `fault:              ${id}
consumer:           web counts
code version:       3, build b1
first seen:         2026-01-01T00:00:00.000Z
last tried:         2026-01-01T00:00:00.000Z, 1 in all
waiting behind it:  3
lacking:            o1
record:             1 of orders, epoch e`,
  );
  assert.match(stack, /^TypeError: no idea of gift \[2J\n +at .*faults\.test/);
  const data = { before: null, after: { index: 0 } };
  assert.deepEqual(JSON.parse(event), { id: 'e1', type: 'gift', key: 'o1', data });
  assert.equal(JSON.parse((await portico('show', id, '--json')).stdout).error.name, 'TypeError');
});

test('resubmit fails again in a process with the old code, and names what is next where that goes on', async () => {
  const id = await idOf();
  const old = await portico('resubmit', id, '--admin', web);
  assert.deepEqual([old.status, old.stdout], [1, `${web}: 0 events applied\n`]);
  assert.equal(old.stderr, `${id} failed again, and stays\n`);
  const { status, stdout, stderr } = await portico('resubmit', id);
  assert.deepEqual([status, stdout], [1, 'web: 0 events applied\nweb 2: 2 events applied\n']);
  const next = await idOf();
  assert.equal(stderr, `the next fault behind ${id} is ${next}\n`);
  assert.deepEqual(
    (await store.read(['o1', 'o2'])).states,
    new Map([
      ['o1', 2],
      ['o2', 1],
    ]),
  );
});

test('discard leaves the event out and takes the others, once', async () => {
  const id = await idOf();
  const done = await portico('discard', id);
  assert.deepEqual(done, { status: 0, stdout: 'web: 1 events applied\n', stderr: '' });
  assert.deepEqual((await store.read(['o1'])).states, new Map([['o1', 3]]));
  for (const action of ['discard', 'resubmit', 'show']) {
    const none = await portico(action, id);
    assert.deepEqual([none.status, none.stdout], [1, '']);
    assert.match(none.stderr, /^no open fault has the id [0-9a-f]{8}; portico faults list names them\n$/);
  }
  assert.deepEqual(await portico('list'), { status: 0, stdout: 'no faults\n', stderr: '' });
});

test('a process that can not be asked is named, and the others are asked all the same', async () => {
  const failing: FaultDesk = { ...deskOf(counts()), list: () => Promise.reject(new Error('secret')) };
  const away = 'http://127.0.0.1:1';
  const { status, stdout, stderr } = await portico(
    'list',
    '--admin',
    away,
    '--admin',
    await listen([failing]),
    '--admin',
    web,
  );
  assert.deepEqual([status, stdout], [1, 'no faults\n']);
  const [first = '', second = '', ...others] = stderr.split('\n');
  assert.match(first, /^http:\/\/127\.0\.0\.1:1 \(http:\/\/127\.0\.0\.1:1\) could not be asked: /);
  assert.match(second, /could not be asked: answered 503: What keeps the faults can not be reached/);
  assert.deepEqual(others, ['']);
});

test('wrong use is one line that says what is right', async () => {
  for (const args of [[], ['show'], ['list', 'x'], ['mend', 'x']]) {
    const { status, stderr } = await portico(...args);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^portico: say portico faults list, or faults show, resubmit or discard <id>; .*\n$/,
    );
  }
  assert.match(
    (await portico('list', '--admin', 'web')).stderr,
    /^portico: --admin takes an address .*"web"\n$/,
  );
  rmSync(join(dir, 'demo.json'));
  assert.match(
    (await portico('list')).stderr,
    /^portico: no demo is running: there is no .*demo.json; .*\n$/,
  );
});
