import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Serves a page that tries what it can with whoever looks at it. */
export async function startHostileSite() {
  const script = readFileSync(new URL('hostile-page.js', import.meta.url));
  const page = '<!doctype html><title>Win!</title><body><script src="/hostile-page.js"></script>';
  const server = createServer((req, res) => {
    const isScript = req.url === '/hostile-page.js';
    res.setHeader('content-type', isScript ? 'text/javascript' : 'text/html').end(isScript ? script : page);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    /** Another site than a gateway at `localhost`. */
    elsewhere: `http://127.0.0.1:${port}`,
    /** The same site on another port: browsers send their cookies there and from there. */
    otherPort: `http://localhost:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
