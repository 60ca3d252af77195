import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ProcessStatus } from './kept-process.ts';
import { createSupervisor, type Level, type ProcessSpec, type SupervisorOptions } from './supervisor.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-supervisor-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const events = join(dir, 'events');

/** A program that notes what happens to it in the file `events`, and is ready at once. */
const wellBehaved = `
  const note = (what) => fs.appendFileSync(${JSON.stringify(events)}, process.env.NAME + ' ' + what + '\\n');
  process.on('SIGTERM', () => { note('stops'); process.exit(0); });
  process.on('disconnect', () => process.exit(0));
  note('starts');
  process.send({ ready: { url: 'at ' + process.env.NAME, admin: process.env.SAW ?? '' } });
`;
/** A program that does not stop when it is asked to. */
const stubborn = `
  process.on('SIGTERM', () => {});
  setInterval(() => {}, 1000);
  process.send({ ready: { url: 'at stubborn' } });
`;
const absent = `process.send({ ready: null }, () => process.exit(0));`;

function spec(name: string, level: Level, source: string, env: ProcessSpec['env'] = () => ({})): ProcessSpec {
  const program = join(dir, `${name}.mjs`);
  writeFileSync(program, `import fs from 'node:fs';\n${source}`);
  return { name, level, program, env: (ready) => ({ NAME: name, ...env(ready) }) };
}

interface Run {
  readonly supervisor: ReturnType<typeof createSupervisor>;
  /** Waits until a process reports this state for the n-th time. */
  readonly reported: (
    name: string,
    state: ProcessStatus['state'],
    restarts?: number,
  ) => Promise<ProcessStatus>;
  readonly children: ChildProcess[];
}

function supervise(table: readonly ProcessSpec[], overrides: Partial<SupervisorOptions> = {}): Run {
  writeFileSync(events, '');
  const changes = new EventEmitter();
  const seen: ProcessStatus[] = [];
  const children: ChildProcess[] = [];
  const supervisor = createSupervisor(table, {
    fork: ({ program }, env) => {
      const child = fork(program, [], { env, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      children.push(child);
      return child;
    },
    lastComplaint: () => '',
    onChange: (status) => {
      seen.push(status);
      changes.emit('change');
    },
    restartDelayMs: () => 1,
    ...overrides,
  });
  const reported: Run['reported'] = async (name, state, restarts = 0) => {
    for (;;) {
      const found = seen.find(
        (status) => status.name === name && status.state === state && status.restarts === restarts,
      );
      if (found !== undefined) return found;
      await once(changes, 'change');
    }
  };
  return { supervisor, reported, children };
}

const noted = () => readFileSync(events, 'utf8').trimEnd().split('\n');

test('levels start one after the other, told where the earlier ones are, and stop the other way round', async () => {
  const { supervisor } = supervise([
    spec('front', 'edge', wellBehaved, ({ back }) => ({ SAW: back?.url })),
    spec('back', 'services', wellBehaved, ({ store }) => ({ SAW: store?.url })),
    spec('store', 'engines', wellBehaved),
  ]);
  await supervisor.start();
  const saw = supervisor.statuses().map(({ name, ready }) => [name, ready?.admin]);
  assert.deepEqual(saw, [
    ['store', ''],
    ['back', 'at store'],
    ['front', 'at back'],
  ]);
  await supervisor.stop();
  assert.deepEqual(noted(), [
    'store starts',
    'back starts',
    'front starts',
    'front stops',
    'back stops',
    'store stops',
  ]);
});

test('a process that dies is started again with a new pid, each time, and the others are left alone', async () => {
  const { supervisor, reported } = supervise([
    spec('mortal', 'services', wellBehaved),
    spec('bystander', 'services', wellBehaved),
  ]);
  await supervisor.start();
  const pids = new Set<number | undefined>();
  for (const restarts of [0, 1, 2]) {
    const { pid } = await reported('mortal', 'ready', restarts);
    pids.add(pid);
    if (restarts < 2) process.kill(Number(pid), 'SIGKILL');
  }
  assert.equal(pids.size, 3);
  const bystander = supervisor.statuses().find(({ name }) => name === 'bystander');
  assert.equal(bystander?.restarts, 0);
  await supervisor.stop();
});

test('a process that is not ready yet after its restart dies again, and is started again', async () => {
  const once = join(dir, 'died-once');
  const failsOnSecondStart = `
    if (fs.existsSync(${JSON.stringify(once)})) { fs.rmSync(${JSON.stringify(once)}); process.exit(7); }
    process.on('SIGHUP', () => { fs.writeFileSync(${JSON.stringify(once)}, ''); process.exit(1); });
    ${wellBehaved}`;
  const { supervisor, reported } = supervise([spec('clumsy', 'services', failsOnSecondStart)]);
  await supervisor.start();
  process.kill(Number((await reported('clumsy', 'ready')).pid), 'SIGHUP');
  await reported('clumsy', 'restarting', 1);
  await reported('clumsy', 'ready', 2);
  await supervisor.stop();
});

test('a start fails with the last line of the process that ended before it was ready', async () => {
  const { supervisor } = supervise(
    [spec('store', 'engines', wellBehaved), spec('broken', 'services', 'process.exit(1)')],
    { lastComplaint: (name) => (name === 'broken' ? 'wrong configuration: X is not set' : '') },
  );
  await assert.rejects(supervisor.start(), {
    message: 'broken did not start: wrong configuration: X is not set',
  });
  await supervisor.stop();
  assert.deepEqual(noted(), ['store starts', 'store stops']);
});

test('an engine that is not installed is absent, not dead, and the next level starts without it', async () => {
  const { supervisor, reported, children } = supervise([
    spec('cache', 'engines', absent),
    spec('user', 'services', wellBehaved, ({ cache }) => ({ SAW: String(cache) })),
  ]);
  await supervisor.start();
  await reported('cache', 'absent');
  assert.equal(supervisor.statuses().find(({ name }) => name === 'user')?.ready?.admin, 'undefined');
  await supervisor.stop();
  assert.equal(children.length, 2);
});

test('what does not stop in time is killed', async () => {
  const { supervisor, children } = supervise([spec('stubborn', 'services', stubborn)]);
  await supervisor.start();
  await supervisor.stop(200);
  assert.equal(children[0]?.signalCode, 'SIGKILL');
});

test('a stop in the middle of a start ends what has been started, and a second stop is the same stop', async () => {
  const { supervisor, children } = supervise([
    spec('slow', 'engines', `setInterval(() => {}, 1000);`),
    spec('never', 'services', wellBehaved),
  ]);
  const start = supervisor.start();
  const stop = supervisor.stop();
  assert.equal(supervisor.stop(), stop);
  await assert.rejects(start);
  await stop;
  assert.equal(children.length, 1);
  assert.notEqual(children[0]?.signalCode, null);
});

test('a stop while a process waits to be started again starts it no more', async () => {
  const { supervisor, reported, children } = supervise([spec('mortal', 'services', wellBehaved)], {
    restartDelayMs: () => 2 ** 30,
  });
  await supervisor.start();
  process.kill(Number((await reported('mortal', 'ready')).pid), 'SIGKILL');
  await reported('mortal', 'restarting');
  await supervisor.stop();
  assert.equal(children.length, 1);
});
