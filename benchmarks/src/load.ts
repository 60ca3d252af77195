/**
 * The client: for every message `{ port, requests, connections }` it sends that many requests over connections that are
 * kept, each as soon as the answer before has come, and says when all are answered. An answer that is not the screen ends
 * it: a proxy that refuses is not a fast one.
 */
import { connect } from 'node:net';
import process from 'node:process';
import { requestFor } from './exchange-sample.ts';

export interface Load {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
}

process.on('disconnect', () => process.exit(0));
process.on('message', async ({ port, requests, connections }: Load) => {
  const request = requestFor(port);
  const each = Math.ceil(requests / connections);
  await Promise.all(Array.from({ length: connections }, () => sendOver(port, request, each)));
  process.send?.({ answered: each * connections });
});

function sendOver(port: number, request: Buffer, count: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request));
    let left = count;
    let received = 0;
    let wanted = 0;
    socket.on('data', (chunk) => {
      // The first chunk of an answer has its whole head.
      if (received === 0) wanted = lengthOf(chunk);
      received += chunk.length;
      if (received < wanted) return;
      received = 0;
      left -= 1;
      if (left > 0) socket.write(request);
      else socket.end();
    });
    socket.on('close', () => {
      if (left > 0) throw new Error(`a connection ended with ${left} requests to go`);
      resolve();
    });
  });
}

/** How many bytes an answer has whose first chunk this is. */
function lengthOf(chunk: Buffer): number {
  const head = chunk.toString('latin1', 0, chunk.indexOf('\r\n\r\n') + 4);
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`not the screen: ${head}`);
  return head.length + Number(length);
}
