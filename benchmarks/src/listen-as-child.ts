import type { AddressInfo, Server } from 'node:net';
import process from 'node:process';

/** Listens on a free port of 127.0.0.1, tells the parent where, and ends with the parent. */
export function listenAsChild(server: Server): void {
  process.on('disconnect', () => process.exit(0));
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ ready: { url: `http://127.0.0.1:${port}` } });
  });
}
