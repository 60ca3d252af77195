import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { redisError, type ScriptedRedis, startScriptedRedis } from './scripted-redis.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function start(options?: Parameters<typeof startScriptedRedis>[0]): Promise<ScriptedRedis> {
  const redis = await startScriptedRedis(options);
  open.push(redis.close);
  return redis;
}

async function dial(redis: ScriptedRedis): Promise<Socket> {
  const socket = connect(redis.port, '127.0.0.1');
  open.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** What comes back until so many bytes are there, or until the end of the connection. */
async function read(socket: Socket, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    if (Buffer.concat(chunks).length >= bytes) break;
  }
  return Buffer.concat(chunks).toString();
}

const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

test('what was set is there until its time is over', async () => {
  let now = 0;
  const socket = await dial(await start({ now: () => now }));
  socket.write(command('set', 'k', 'grün', 'PX', '10') + command('get', 'k'));
  assert.equal(await read(socket, 16), '+OK\r\n$5\r\ngrün\r\n');
  now = 10;
  socket.write(command('GET', 'k'));
  assert.equal(await read(socket, 5), '$-1\r\n');
});

test('a command that arrives in pieces is one command', async () => {
  const redis = await start();
  const socket = await dial(redis);
  const arrived = redis.next('SET');
  socket.setNoDelay(true);
  for (const byte of Buffer.from(command('SET', 'k', 'ü'))) socket.write(Buffer.of(byte));
  assert.deepEqual(await arrived, ['SET', 'k', 'ü']);
  assert.deepEqual(redis.commands, [['SET', 'k', 'ü']]);
});

test('a script decides how each command is answered', async () => {
  const redis = await start();
  redis.behave(([name]) => (name === 'SET' ? redisError('OOM no room') : undefined));
  const socket = await dial(redis);
  socket.write(command('SET', 'k', 'v') + command('PING'));
  assert.equal(await read(socket, 21), '-OOM no room\r\n+PONG\r\n');
});

test('replies keep the order of the commands, also behind one that waits', async () => {
  const redis = await start();
  const gate = Promise.withResolvers<void>();
  redis.behave(([name]) => (name === 'GET' ? { after: gate.promise } : undefined));
  const socket = await dial(redis);
  const arrived = redis.next('PING');
  socket.write(command('GET', 'k') + command('PING'));
  await arrived;
  gate.resolve();
  assert.equal(await read(socket, 12), '$-1\r\n+PONG\r\n');
});

test('a connection can end in the middle of a reply', async () => {
  const redis = await start();
  redis.behave(() => ({ send: '$100\r\nhalf', drop: true }));
  const socket = await dial(redis);
  socket.write(command('GET', 'k'));
  assert.equal(await read(socket, 1000), '$100\r\nhalf');
});

test('connections are refused until they are accepted again', async () => {
  const redis = await start();
  const first = await dial(redis);
  const ended = once(first.resume(), 'close');
  await redis.refuse();
  await ended;
  await assert.rejects(dial(redis), { code: 'ECONNREFUSED' });
  await redis.accept();
  await dial(redis);
});

test('closing it ends connections that hang', async () => {
  const redis = await start();
  redis.behave(() => 'hang');
  const socket = await dial(redis);
  const arrived = redis.next('GET');
  socket.write(command('GET', 'k'));
  await arrived;
  const ended = once(socket.resume(), 'close');
  await redis.close();
  await ended;
});
