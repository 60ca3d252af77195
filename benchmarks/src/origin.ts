/** What the proxies forward to: answers every request at once with the same bytes, at almost no cost. */
import { createServer } from 'node:net';
import { screen } from './exchange-sample.ts';
import { listenAsChild } from './listen-as-child.ts';

const endOfHead = Buffer.from('\r\n\r\n');

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(endOfHead); end !== -1; end = bytes.indexOf(endOfHead)) {
      bytes = bytes.subarray(end + endOfHead.length);
      socket.write(screen);
    }
    rest = bytes;
  });
  socket.on('error', () => socket.destroy());
});
listenAsChild(server);
