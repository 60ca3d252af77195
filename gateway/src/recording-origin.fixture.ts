import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Step } from '@portico/testing/scripted-server.ts';

/** A request as it is on the wire between the gateway and what is behind it. */
export interface Arrival {
  readonly connection: number;
  readonly requestLine: string;
  readonly target: string;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  /** Without chunks. Undefined while it is not whole. */
  body: string | undefined;
  /** Resolves when its connection has ended. */
  readonly ended: Promise<void>;
}

export interface RecordingOrigin {
  readonly url: string;
  readonly host: string;
  /** What has arrived since this was last called. */
  readonly take: () => Arrival[];
  /** Resolves with the next request whose head arrives. */
  readonly next: () => Promise<Arrival>;
  /** What no HTTP/1.1 client may send, of all that has arrived. */
  readonly violations: readonly string[];
  readonly openConnections: () => number;
  readonly close: () => Promise<void>;
}

const requestLinePattern = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.1$/;
const fieldPattern = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~\x80-\xff]*)$/;

/**
 * An HTTP/1.1 server that is as strict as can be with what arrives, keeps all of it, and answers a whole request with the
 * steps that `answer` gives.
 */
export async function startRecordingOrigin(
  answer: (arrival: Arrival) => readonly Step[],
): Promise<RecordingOrigin> {
  let arrivals: Arrival[] = [];
  const violations: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let coming = Promise.withResolvers<Arrival>();

  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    const connection = connections;
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => {});
    let switched = false;
    const read = createRequestReader(connection, ended, (arrival) => {
      arrivals.push(arrival);
      coming.resolve(arrival);
      coming = Promise.withResolvers();
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      if (switched) return;
      try {
        for (const arrival of read(text)) {
          const steps = answer(arrival);
          switched = String(steps[0]).startsWith('HTTP/1.1 101');
          play(socket, steps);
        }
      } catch (error) {
        violations.push((error as Error).message);
        socket.destroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url: `http://${host}`,
    host,
    violations,
    next: () => coming.promise,
    take: () => {
      const taken = arrivals;
      arrivals = [];
      return taken;
    },
    openConnections: () => sockets.size,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function play(socket: Socket, steps: readonly Step[]): void {
  for (const step of steps) {
    if (typeof step !== 'object' || !('by' in step)) socket.write(step as string, 'latin1');
    else if (step.by === 'end') socket.end();
    else socket.resetAndDestroy();
  }
}

/** Gives the requests that are whole after each further piece of the connection; `begin` is told of every head. */
function createRequestReader(
  connection: number,
  ended: Promise<void>,
  begin: (arrival: Arrival) => void,
): (text: string) => Arrival[] {
  let text = '';
  let current: Arrival | undefined;

  return (more) => {
    text += more;
    const whole: Arrival[] = [];
    for (;;) {
      if (current === undefined) {
        const end = text.indexOf('\r\n\r\n');
        if (end === -1) return whole;
        current = { connection, ...readHead(text.slice(0, end)), body: undefined, ended };
        text = text.slice(end + 4);
        begin(current);
      }
      const read = readBody(current, text);
      if (read === undefined) return whole;
      current.body = read.body;
      text = text.slice(read.length);
      whole.push(current);
      current = undefined;
    }
  };
}

function readHead(head: string): Pick<Arrival, 'requestLine' | 'target' | 'fields'> {
  const [requestLine = '', ...lines] = head.split('\r\n');
  const target = requestLinePattern.exec(requestLine)?.[2];
  if (target === undefined) throw new Error(`not a request line: ${JSON.stringify(requestLine)}`);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = fieldPattern.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not a field: ${JSON.stringify(line)}`);
    if (fields.has(name.toLowerCase())) throw new Error(`a field twice: ${JSON.stringify(line)}`);
    fields.set(name.toLowerCase(), value);
  }
  return { requestLine, target, fields };
}

function readBody({ fields }: Arrival, text: string): { body: string; length: number } | undefined {
  const coding = fields.get('transfer-encoding');
  const length = fields.get('content-length');
  if (coding === undefined) {
    if (!/^\d+$/.test(length ?? '0')) throw new Error(`not a length: ${length}`);
    const count = Number(length ?? 0);
    return text.length < count ? undefined : { body: text.slice(0, count), length: count };
  }
  if (coding !== 'chunked' || length !== undefined) throw new Error(`framed by ${coding} and ${length}`);
  return readChunks(text);
}

/** The body of a message in chunks without extensions and trailers; undefined when it is not whole. */
export function readChunks(text: string): { body: string; length: number } | undefined {
  let body = '';
  let position = 0;
  for (;;) {
    const end = text.indexOf('\r\n', position);
    if (end === -1) return undefined;
    const size = text.slice(position, end);
    if (!/^[0-9a-f]{1,8}$/i.test(size)) throw new Error(`not the size of a chunk: ${JSON.stringify(size)}`);
    const count = Number.parseInt(size, 16);
    const next = end + 2 + count + 2;
    if (text.length < next) return undefined;
    if (text.slice(next - 2, next) !== '\r\n') throw new Error('a chunk of another size than it says');
    if (count === 0) return { body, length: next };
    body += text.slice(end + 2, next - 2);
    position = next;
  }
}
