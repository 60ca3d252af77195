import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeDemoFile, toDemoFile, writeDemoFile } from './demo-file.ts';
import type { ProcessStatus, Ready } from './kept-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-demo-file-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const status = (name: string, pid: number | undefined, ready: Ready | undefined): ProcessStatus => {
  return { name, state: ready === undefined ? 'absent' : 'ready', pid, restarts: 0, ready };
};

const databases = { catalog: 'postgres://catalog:secret@127.0.0.1:5/catalog' };
const statuses = [
  status('postgres', 11, { url: 'postgres://postgres:secret@127.0.0.1:5/postgres', pid: 11, databases }),
  status('redis', undefined, undefined),
  status('catalog', 12, { url: 'http://127.0.0.1:1', admin: 'http://127.0.0.1:2' }),
  status('gateway', 13, { url: 'http://localhost:8080', admin: 'http://127.0.0.1:9901' }),
];

test('lists gateway, databases and every process that there is', () => {
  assert.deepEqual(toDemoFile(statuses), {
    gateway: 'http://localhost:8080',
    admin: 'http://127.0.0.1:9901',
    processes: [
      { name: 'postgres', pid: 11, url: 'postgres://postgres:secret@127.0.0.1:5/postgres' },
      { name: 'catalog', pid: 12, url: 'http://127.0.0.1:1', admin: 'http://127.0.0.1:2' },
      { name: 'gateway', pid: 13, url: 'http://localhost:8080', admin: 'http://127.0.0.1:9901' },
    ],
    databases,
  });
});

test('there is nothing to tell before the gateway is ready', () => {
  assert.equal(toDemoFile(statuses.slice(0, 3)), undefined);
});

test('is readable by its owner alone, replaced as a whole, and gone afterwards', () => {
  const contents = { gateway: 'a', admin: 'b', processes: [], databases: {} };
  writeDemoFile(dir, contents);
  const before = statSync(join(dir, 'demo.json'));
  assert.equal(before.mode & 0o777, 0o600);
  writeDemoFile(dir, { ...contents, gateway: 'c' });
  assert.notEqual(statSync(join(dir, 'demo.json')).ino, before.ino);
  assert.equal(JSON.parse(readFileSync(join(dir, 'demo.json'), 'utf8')).gateway, 'c');
  removeDemoFile(dir);
  assert.deepEqual(readdirSync(dir), []);
});
