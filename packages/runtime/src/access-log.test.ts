import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessEntry, createAccessLog } from './access-log.ts';
import { createLogger } from './log.ts';

const entry: AccessEntry = {
  requestId: '0192f7d2-aaaa',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  method: 'GET',
  path: '/a"b\\c\u0001é%20',
  route: '/{name: "x"}/*',
  status: 404,
  ms: 1.25,
};

function linesOf(level: string, write: (log: ReturnType<typeof createLogger>) => void): unknown[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLogger({ name: 'test', level, destination }));
  return lines.map((line) => JSON.parse(line));
}

test('the line of a request is what the logger itself would write', () => {
  const [byHand] = linesOf('info', (log) => createAccessLog(log, () => 'now')(entry));
  const [byPino] = linesOf('info', (log) => log.info(entry, 'request'));
  assert.deepEqual(byHand, { ...(byPino as object), time: 'now' });
});

test('nothing is written above the level', () => {
  assert.deepEqual(
    linesOf('warn', (log) => createAccessLog(log)(entry)),
    [],
  );
});
