import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A connection that has come with a request for a WebSocket. */
export interface ArrivedSocket {
  readonly socket: Socket;
  /** Request line and fields as they are on the wire. */
  readonly head: string;
  readonly key: string;
  /** All that has come behind the head, as Latin-1. */
  readonly received: () => string;
  /** Resolves when at least so many bytes have come behind the head. */
  readonly receivedBytes: (count: number) => Promise<string>;
  /** Resolves with the time (`performance.now`) at which the other side ended or broke the connection. */
  readonly left: Promise<number>;
}

export interface SocketOrigin {
  readonly url: string;
  /** Resolves with the next request that arrives. */
  readonly next: () => Promise<ArrivedSocket>;
  readonly arrived: () => number;
  /** What is written to every further one; nothing when undefined. */
  answer: (key: string) => string;
  readonly close: () => Promise<void>;
}

/** The right answer to a handshake, with these further fields. */
export function switching(key: string, ...fields: string[]): string {
  const accept = `Sec-WebSocket-Accept: ${acceptOf(key)}`;
  const lines = ['HTTP/1.1 101 Sure', 'Upgrade: websocket', 'Connection: Upgrade', accept, ...fields];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A server that takes requests for WebSockets and leaves what happens behind them to the test. */
export async function startSocketOrigin(): Promise<SocketOrigin> {
  const sockets = new Set<Socket>();
  let count = 0;
  let coming = Promise.withResolvers<ArrivedSocket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const left = new Promise<number>((resolve) => {
      const now = () => {
        isOver = true;
        wake();
        resolve(performance.now());
      };
      socket.once('end', now).once('close', now);
    });
    let text = '';
    let head: string | undefined;
    let wake = () => {};
    let isOver = false;
    const received = () => text;
    const receivedBytes = async (bytes: number) => {
      while (text.length < bytes) {
        if (isOver) throw new Error(`the connection ended with ${JSON.stringify(text.slice(-200))}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return text;
    };
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (head === undefined && text.includes('\r\n\r\n')) {
        const end = text.indexOf('\r\n\r\n') + 4;
        head = text.slice(0, end);
        text = text.slice(end);
        count += 1;
        const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1]?.trim() ?? '';
        socket.write(origin.answer(key), 'latin1');
        coming.resolve({ socket, head, key, received, receivedBytes, left });
        coming = Promise.withResolvers();
      }
      wake();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin: SocketOrigin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => coming.promise,
    arrived: () => count,
    answer: switching,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return origin;
}

/** A frame that is not masked, as servers send it. @param opcode 1 for text, 8 for a close */
export function frame(payload: string, opcode = 1): string {
  const size = payload.length;
  const length = size < 126 ? [size] : [126, size >> 8, size & 255];
  return `${String.fromCharCode(0x80 | opcode, ...length)}${payload}`;
}

/** The payload of the first frame of a client, which is masked; undefined while it isn't whole. */
export function payloadOf(bytes: string): string | undefined {
  const size = bytes.charCodeAt(1) & 127;
  if (bytes.length < 6 + size) return undefined;
  return Array.from({ length: size }, (_, index) =>
    String.fromCharCode(bytes.charCodeAt(6 + index) ^ bytes.charCodeAt(2 + (index % 4))),
  ).join('');
}
