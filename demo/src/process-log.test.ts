import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createProcessLogs } from './process-log.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-logs-'));
after(() => rmSync(dir, { recursive: true, force: true }));

function write(logs: ReturnType<typeof createProcessLogs>, name: string, text: string): void {
  const file = logs.open(name);
  writeSync(file, text);
  closeSync(file);
}

test('the last complaint of a start is its last line that is no log line', () => {
  const logs = createProcessLogs(dir);
  write(logs, 'catalog', 'wrong configuration: A\n');
  write(logs, 'catalog', '{"level":"info"}\nwrong configuration: B\n{"level":"info"}\n');
  assert.equal(logs.lastComplaint('catalog'), 'wrong configuration: B');
  write(logs, 'catalog', '{"level":"info"}\n');
  assert.equal(logs.lastComplaint('catalog'), '');
});

test('the last complaint of a crash is its error, not the stack below', () => {
  const logs = createProcessLogs(dir);
  const crash =
    "file:///x.ts:3\n  throw e;\n  ^\n\nTypeError: y is not a function\n    at x.ts:3 {\n  code: 'E'\n}\n\nNode.js v24.18.0\n";
  write(logs, 'crash', crash);
  assert.equal(logs.lastComplaint('crash'), 'TypeError: y is not a function');
});

test('a file above its bound is begun anew, and the one before is kept', () => {
  const logs = createProcessLogs(dir, 10);
  const file = logs.open('web');
  writeSync(file, 'short\n');
  logs.bound();
  writeSync(file, 'too long now\n');
  logs.bound();
  writeSync(file, 'new\n');
  closeSync(file);
  assert.equal(readFileSync(join(dir, 'web.log'), 'utf8'), 'new\n');
  assert.equal(readFileSync(join(dir, 'web.log.1'), 'utf8'), 'short\ntoo long now\n');
});
