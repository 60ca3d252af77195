import { once } from 'node:events';
import { createServer, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { BffUnderCheck } from './bff-under-check.ts';

const timeoutMs = 5_000;

/**
 * Asks a BFF, as somebody who has signed in, for another host in the ways in which proxies are asked, and listens there.
 * @returns in which way that host was reached; undefined when in none
 */
export async function findOpenProxy(bff: BffUnderCheck): Promise<string | undefined> {
  const { visitor } = await bff.signedIn();
  const reached: string[] = [];
  const address = await ownAddress(new URL(bff.url));
  const server = createServer((req, res) => {
    reached.push(req.headers.authorization === undefined ? '' : ', with a token');
    res.end();
  }).listen(0, address);
  await once(server, 'listening');
  const there = `${address.includes(':') ? `[${address}]` : address}:${(server.address() as AddressInfo).port}`;
  const cookie = [...visitor.cookies(bff.url)].map(([name, value]) => `${name}=${value}`).join('; ');
  const own = { ...bff.ownFields, cookie };
  const ways: Readonly<Record<string, RequestOptions>> = {
    'an absolute target': { path: `http://${there}/`, headers: own },
    'a target of two slashes': { path: `//${there}/`, headers: own },
    'a target with an @': { path: `/@${there}/`, headers: own },
    'the field Host': { path: bff.session, headers: { ...own, host: there } },
    'the fields Forwarded and X-Forwarded-Host': {
      path: bff.session,
      headers: { ...own, forwarded: `host="${there}"`, 'x-forwarded-host': there },
    },
    CONNECT: { method: 'CONNECT', path: there, headers: own },
  };
  try {
    for (const [way, options] of Object.entries(ways)) {
      await ask(bff.url, options);
      if (reached.length > 0) return `another host is reached by ${way}${reached[0] ?? ''}`;
    }
    return undefined;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** The address that the BFF sees of us. */
async function ownAddress({ hostname, port, protocol }: URL): Promise<string> {
  const usual = protocol === 'https:' ? 443 : 80;
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || usual,
    timeout: timeoutMs,
  });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return socket.localAddress ?? '127.0.0.1';
  } finally {
    socket.destroy();
  }
}

/** Asks, and through a tunnel where one is opened. What it answers, or that it doesn't, says nothing. */
async function ask(url: string, options: RequestOptions): Promise<void> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const asked = send(url, {
    ...options,
    agent: false,
    timeout: timeoutMs,
    signal: AbortSignal.timeout(timeoutMs),
  });
  asked.end();
  try {
    const tunnel = once(asked, 'connect').then(([, socket]) => askThrough(socket as Socket));
    await Promise.race([tunnel, once(asked, 'response')]);
  } catch {
    // It has refused.
  } finally {
    asked.destroy();
  }
}

/** Some answer every method, and this one with success as well, without a tunnel. */
async function askThrough(socket: Socket): Promise<void> {
  try {
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket.resume(), 'close', { signal: AbortSignal.timeout(timeoutMs) });
  } finally {
    socket.destroy();
  }
}
