import { once } from 'node:events';
import { connect } from 'node:net';

/** A readiness check: rejects when nothing takes connections at the URL's port. */
export function checkPort(url: string): (signal: AbortSignal) => Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const address = { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
  return async (signal) => {
    const socket = connect(address);
    try {
      await once(socket, 'connect', { signal });
    } finally {
      socket.destroy();
    }
  };
}
