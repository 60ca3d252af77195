import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { handshakeOf } from './handshakes.ts';
import { createHttpServer } from './http-server.ts';

const get = (...fields: string[]) => `${['GET / HTTP/1.1', 'Host: a', ...fields].join('\r\n')}\r\n\r\n`;
const handshake = get('Connection: Upgrade', 'Upgrade: websocket');

async function start(t: TestContext, handler: RequestListener, takesHandshakes = true) {
  const server = createHttpServer({ handler, takesHandshakes }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clients: Socket[] = [];
  t.after(() => {
    for (const client of clients) client.destroy();
    server.closeAllConnections();
    server.close();
  });
  const open = () => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    clients.push(client);
    return client;
  };
  return { server, open };
}

test('a handshake that is answered with 101 leaves its connection to whoever takes it over', async (t) => {
  const { open } = await start(t, (req, res) => {
    const { socket, takeOver } = handshakeOf(req) ?? assert.fail('no handshake');
    res.writeHead(101, ['Connection', 'Upgrade']);
    res.end();
    socket.write(`early: ${takeOver()};`);
    socket.pipe(socket);
  });
  const client = open();
  client.write(`${handshake}GET`);
  client.end(' / HTTP/1.1\r\n\r\n');
  const answer = await text(client);
  assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\n/);
  // However much of it was there by then.
  assert.match(answer.replace(';', ''), /\r\n\r\nearly: GET \/ HTTP\/1\.1\r\n\r\n$/);
});

test('with any other answer the connection ends, and what came behind the handshake has no meaning', async (t) => {
  let count = 0;
  const { open } = await start(t, (_req, res) => {
    count += 1;
    res.end('no');
  });
  const client = open();
  client.write(handshake + get());
  assert.match(
    await text(client),
    /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*Connection: close\r\n(?:.+\r\n)*\r\nno$/,
  );
  assert.equal(count, 1);
});

test('a large answer is written as fast as it is read', async (t) => {
  const size = 20_000_000;
  const { open } = await start(t, (_req, res) => {
    res.setHeader('Content-Length', size);
    const piece = Buffer.alloc(1_000_000, 'x');
    let left = size;
    const write = () => {
      while (left > 0) {
        left -= piece.length;
        if (!res.write(piece)) {
          res.once('drain', write);
          return;
        }
      }
      res.end();
    };
    write();
  });
  const client = open();
  client.write(handshake);
  assert.equal((await text(client)).split('\r\n\r\n')[1]?.length, size);
});

test('where nobody takes handshakes they are requests like others', async (t) => {
  const { open } = await start(
    t,
    (req, res) => res.end(handshakeOf(req) === undefined ? 'a request' : ''),
    false,
  );
  const client = open();
  client.write(handshake);
  assert.match(await text(client), /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*\r\na request$/);
});

test('so is one with a body, one that expects, and one behind a request that is not answered yet', async (t) => {
  const { open } = await start(t, (req, res) => {
    req.resume();
    setImmediate(() => res.end(handshakeOf(req) === undefined ? 'a request' : 'a handshake'));
  });
  for (const [bytes, said] of [
    [handshake, ['a handshake']],
    [`${handshake.replace('Host', 'Content-Length: 2\r\nHost')}{}`, ['a request']],
    [handshake.replace('Host', 'Expect: 100-continue\r\nHost'), ['a request']],
    [handshake.replace('GET', 'POST'), ['a request']],
    [handshake.replace('1.1', '1.0'), ['a request']],
    [get() + handshake, ['a request', 'a request']],
  ] as const) {
    const client = open();
    client.write(bytes);
    assert.deepEqual((await text(client)).match(/a request|a handshake/g), said, bytes);
  }
});

test('a client that leaves before the answer is noticed; one that sends too much is not read on', async (t) => {
  const arrived = Promise.withResolvers<Socket>();
  const { open } = await start(t, (req) => arrived.resolve(req.socket));
  const client = open();
  client.write(handshake);
  const socket = await arrived.promise;
  const tooMuch = Buffer.alloc(50_000_000);
  client.write(tooMuch);
  await once(socket, 'pause');
  assert.ok(socket.bytesRead < 1_000_000, String(socket.bytesRead));

  const leaving = Promise.withResolvers<Socket>();
  const { open: openOther } = await start(t, (req) => leaving.resolve(req.socket));
  const leaver = openOther();
  leaver.write(handshake);
  const left = once(await leaving.promise, 'close');
  leaver.end();
  await left;
});

test('closing all connections closes theirs, answered or not', async (t) => {
  const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  const { server, open } = await start(t, (req, res) => {
    if (count === 1) res.writeHead(101).end();
    handshakeOf(req)?.takeOver();
    arrived[count++]?.resolve();
  });
  const clients = [open(), open()];
  for (const [index, client] of clients.entries()) {
    client.write(handshake);
    await arrived[index]?.promise;
    client.resume();
  }
  const closed = Promise.all(clients.map((client) => once(client, 'close')));
  server.closeAllConnections();
  await closed;
});
