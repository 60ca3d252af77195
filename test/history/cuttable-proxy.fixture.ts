import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP connection's way through this process, that can be cut or made to hang. */
export interface CuttableProxy {
  /** `to`, by way of the proxy. */
  readonly url: string;
  /** Breaks all connections, and takes no new ones until `mend`. */
  cut(): void;
  /** Lets nothing through, in no direction, until `mend`; connections stay. */
  hang(): void;
  mend(): void;
  close(): Promise<void>;
}

/** @param to a URL with host and port */
export async function startCuttableProxy(to: string): Promise<CuttableProxy> {
  const target = new URL(to);
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: 'whole' | 'cut' | 'hanging' = 'whole';

  const server = createServer((client) => {
    if (state === 'cut') return void client.destroy();
    const upstream = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    const pair = [client.setNoDelay(true), upstream] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [upstream, client]] as const) {
      one.on('data', (chunk) => {
        other.write(chunk);
      });
      one.on('error', () => {});
      one.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
      if (state === 'hanging') one.pause();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const url = new URL(to);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const breakAll = () => {
    for (const socket of [...pairs].flat()) socket.destroy();
  };
  return {
    url: url.href,
    cut: () => {
      state = 'cut';
      breakAll();
    },
    hang: () => {
      state = 'hanging';
      for (const socket of [...pairs].flat()) socket.pause();
    },
    mend: () => {
      state = 'whole';
      for (const socket of [...pairs].flat()) socket.resume();
    },
    close: async () => {
      server.close();
      breakAll();
      await once(server, 'close');
    },
  };
}
