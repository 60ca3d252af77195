import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What a script does next: send bytes (text as Latin-1, a character a byte), or leave. */
export type Step = string | Uint8Array | Leave;
interface Leave {
  readonly by: 'end' | 'reset';
}
/** Ends the connection in good order (FIN). */
export const end: Leave = { by: 'end' };
/** Breaks the connection (RST). */
export const reset: Leave = { by: 'reset' };

export interface ScriptedRequest {
  /** Which connection it came on: 1 for the first. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Fields as they came, names in lower case, in that order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The whole body as it is on the wire, chunks and all; undefined when the connection ended before it was whole. */
  readonly body: Promise<string | undefined>;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

/**
 * Says what is sent in answer to a request whose head has arrived: `() => [bytes, end]`, or a generator that waits for
 * something between its steps. After the last step the connection stays open and takes further requests, so no step at
 * all is a server that hangs.
 */
export type Script = (request: ScriptedRequest) => Iterable<Step> | AsyncIterable<Step>;

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  /** What has arrived, in that order. */
  readonly requests: readonly ScriptedRequest[];
  /** Replaces the script, for requests that arrive from now on. */
  behave(script: Script): void;
  /** Resolves with the next request that arrives. */
  next(): Promise<ScriptedRequest>;
  /** Ends all connections and refuses new ones. */
  close(): Promise<void>;
}

/** A whole, well-formed answer: `httpAnswer(200, '{}', { 'Content-Type': 'application/json' })`. */
export function httpAnswer(
  status: number,
  body: string | Uint8Array = '',
  fields: Readonly<Record<string, string | readonly string[]>> = {},
): Uint8Array {
  const bytes = Buffer.from(body as string);
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  const head = `HTTP/1.1 ${status} Scripted\r\n${lines.join('')}Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

/** Starts an HTTP/1.1 server on a free port of 127.0.0.1 whose every byte comes from a script. */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const requests: ScriptedRequest[] = [];
  let coming = Promise.withResolvers<ScriptedRequest>();
  let connections = 0;
  let current = script;

  const begin = (request: ScriptedRequest) => {
    requests.push(request);
    coming.resolve(request);
    coming = Promise.withResolvers();
    return current(request);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void serve(socket, connections, begin);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    behave: (next) => {
      current = next;
    },
    next: () => coming.promise,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serve(socket: Socket, connection: number, begin: Script): Promise<void> {
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const take = createReader(socket);
  for (;;) {
    const head = await take((text) => endOf(/\r\n\r\n/, text));
    if (head === undefined) return;
    const [requestLine = '', ...lines] = head.trimEnd().split('\r\n');
    const [method = '', target = ''] = requestLine.split(' ');
    const fields = lines.map(toField);
    const body = take(bodyLength(fields));
    await play(socket, begin({ connection, method, target, fields, body, ended }));
    if ((await body) === undefined) return;
  }
}

/** Sends the steps of a script for as long as the connection lasts. */
async function play(socket: Socket, steps: ReturnType<Script>): Promise<void> {
  for await (const step of steps) {
    if (socket.destroyed) return;
    if (typeof step === 'object' && 'by' in step) {
      if (step.by === 'end') socket.end();
      else socket.resetAndDestroy();
    } else if (!socket.write(typeof step === 'string' ? Buffer.from(step, 'latin1') : step)) {
      await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    }
  }
}

/** Takes as many characters of what arrives as `measure` says, once it says something else than -1. */
function createReader(socket: Socket) {
  let text = '';
  let wake = () => {};
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    wake();
  });
  socket.on('close', () => wake());
  // Broken connections are what these tests are about.
  socket.on('error', () => {});

  return async (measure: (text: string) => number): Promise<string | undefined> => {
    for (;;) {
      const length = measure(text);
      if (length >= 0) {
        const taken = text.slice(0, length);
        text = text.slice(length);
        return taken;
      }
      if (socket.destroyed) return undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

function toField(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function bodyLength(fields: ScriptedRequest['fields']): (text: string) => number {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = Object.fromEntries(fields);
  if (coding === undefined) return (text) => (text.length >= Number(length) ? Number(length) : -1);
  return (text) => endOf(/(?:^|\r\n)0\r\n\r\n/, text);
}

/** Where the first match ends; -1 when there is none. */
function endOf(pattern: RegExp, text: string): number {
  const match = pattern.exec(text);
  return match === null ? -1 : match.index + match[0].length;
}
