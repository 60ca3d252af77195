import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { readAhead } from './read-ahead.ts';

const size = 900_000;
const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size + 1}\r\n\r\n`;

test('the end of a client is heard behind a body that nobody takes', { timeout: 10_000 }, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(head);
  const [req] = (await once(server, 'request')) as [IncomingMessage];
  const body = readAhead(req, 1_000_000);
  client.end('x'.repeat(size));
  await assert.rejects(once(req, 'end'), { code: 'ECONNRESET' });
  assert.equal(body.readableLength, size);
});
