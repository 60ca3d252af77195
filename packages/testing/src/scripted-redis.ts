import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A command with its arguments, as text: `['SET', 'k', 'v', 'PX', '1000']`, the name in capitals. */
export type RedisCommand = readonly [name: string, ...args: string[]];

/** What the server does on a command instead of answering it. */
export type RedisTrouble =
  /** Nothing, and nothing on later commands of this connection either. */
  | 'hang'
  /** Ends the connection. */
  | 'drop'
  /** Sends this as the reply (Latin-1, a character a byte), be it one or not, and then perhaps ends the connection. */
  | { readonly send: string; readonly drop?: boolean }
  /** Answers as a healthy server, but only then; later commands of this connection wait as well. */
  | { readonly after: Promise<unknown> };

export interface ScriptedRedisOptions {
  /** By which it forgets entries whose PX is over. */
  readonly now?: () => number;
  /** Makes it a node of a cluster: who serves which slots, for CLUSTER SLOTS. */
  readonly slots?: () => readonly { readonly from: number; readonly to: number; readonly port: number }[];
}

/** A server that speaks RESP2 and knows just the commands of a cache. Its failures are played by a script. */
export interface ScriptedRedis {
  readonly url: string;
  readonly port: number;
  /** What has arrived, in that order, answered or not. */
  readonly commands: readonly RedisCommand[];
  /** How many connections have been made. */
  connections(): number;
  /** Asked on every command; undefined answers as a healthy server. Replaces what was told before. */
  behave(script: (command: RedisCommand) => RedisTrouble | undefined): void;
  /** Resolves when the next command of this name arrives. */
  next(name: string): Promise<RedisCommand>;
  /** Ends all connections and refuses new ones. */
  refuse(): Promise<void>;
  /** Takes connections again, on the same port. */
  accept(): Promise<void>;
  close(): Promise<void>;
}

/** An error reply: `redisError('OOM command not allowed')`. */
export const redisError = (message: string): RedisTrouble => ({ send: `-${message}\r\n` });

/** Starts a scripted Redis on a free port of 127.0.0.1. */
export async function startScriptedRedis(options: ScriptedRedisOptions = {}): Promise<ScriptedRedis> {
  const answer = createAnswers(options);
  const commands: RedisCommand[] = [];
  const sockets = new Set<Socket>();
  const awaited = new Map<string, PromiseWithResolvers<RedisCommand>>();
  let script: (command: RedisCommand) => RedisTrouble | undefined = () => undefined;
  let connections = 0;

  const serve = (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    const parse = createCommandParser();
    let answered = Promise.resolve();
    socket.on('data', (chunk) => {
      for (const words of parse(chunk)) {
        const command = toCommand(words);
        commands.push(command);
        awaited.get(command[0])?.resolve(command);
        awaited.delete(command[0]);
        const trouble = script(command);
        answered = answered.then(() => play(trouble, socket, () => answer(words)));
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };

  let server = await listen(createServer({ noDelay: true }, serve), 0);
  const { port } = server.address() as AddressInfo;
  const refuse = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    commands,
    connections: () => connections,
    behave: (given) => {
      script = given;
    },
    next: (name) => {
      const waiting = awaited.get(name) ?? Promise.withResolvers<RedisCommand>();
      awaited.set(name, waiting);
      return waiting.promise;
    },
    refuse,
    accept: async () => {
      server = await listen(createServer({ noDelay: true }, serve), port);
    },
    close: refuse,
  };
}

async function listen(server: Server, port: number): Promise<Server> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function play(trouble: RedisTrouble | undefined, socket: Socket, reply: () => string): Promise<void> {
  if (trouble === 'drop') socket.destroy();
  else if (trouble === 'hang') await new Promise(() => {});
  else if (trouble !== undefined && 'send' in trouble) {
    if (trouble.drop) socket.end(trouble.send, 'latin1');
    else socket.write(trouble.send, 'latin1');
  } else {
    await trouble?.after;
    if (socket.writable) socket.write(reply(), 'latin1');
  }
}

/** The words of a command as they came: text with one character a byte, so that values may be any bytes. */
type Words = readonly string[];

function toCommand(words: Words): RedisCommand {
  const [name = '', ...args] = words.map((word) => Buffer.from(word, 'latin1').toString('utf8'));
  return [name.toUpperCase(), ...args];
}

/** The replies of a healthy server. */
function createAnswers({ now = Date.now, slots }: ScriptedRedisOptions): (words: Words) => string {
  const entries = new Map<string, { value: string; expiresAt: number }>();
  return ([name = '', key = '', value = '', , ttlMs = 'Infinity']) => {
    switch (name.toUpperCase()) {
      case 'GET': {
        const entry = entries.get(key);
        return entry !== undefined && entry.expiresAt > now() ? bulk(entry.value) : '$-1\r\n';
      }
      case 'SET':
        entries.set(key, { value, expiresAt: now() + Number(ttlMs) });
        return '+OK\r\n';
      case 'AUTH':
      case 'CLIENT':
      case 'SELECT':
        return '+OK\r\n';
      case 'PING':
        return '+PONG\r\n';
      case 'INFO':
        return bulk('redis_version:7.0.0\r\nloading:0\r\n');
      case 'CLUSTER':
        return slots === undefined
          ? '-ERR This instance has cluster support disabled\r\n'
          : list(slots().map(({ from, to, port }) => list([`:${from}\r\n`, `:${to}\r\n`, node(port)])));
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  };
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const list = (items: readonly string[]) => `*${items.length}\r\n${items.join('')}`;
const node = (port: number) => list([bulk('127.0.0.1'), `:${port}\r\n`, bulk(`node-${port}`)]);

/** Takes bytes as they arrive and gives the commands that are whole: arrays of bulk strings, as every client sends. */
function createCommandParser(): (chunk: Buffer) => Words[] {
  let rest = '';
  return (chunk) => {
    rest += chunk.toString('latin1');
    const commands: Words[] = [];
    for (let parsed = parseCommand(rest); parsed !== undefined; parsed = parseCommand(rest)) {
      commands.push(parsed.words);
      rest = rest.slice(parsed.end);
    }
    return commands;
  };
}

function parseCommand(text: string): { words: Words; end: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  let end = head[0].length;
  const words: string[] = [];
  while (words.length < Number(head[1])) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(end, end + 16));
    if (size === null) return undefined;
    const start = end + size[0].length;
    end = start + Number(size[1]) + 2;
    if (text.length < end) return undefined;
    words.push(text.slice(start, end - 2));
  }
  return { words, end };
}
