import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, noSignIns, startChild } from '../child.ts';
import type { Report } from '../report.ts';
import { quantile } from '../statistics.ts';
import { atRate } from './at-rate.ts';
import { startMeasuredShop } from './start-shop.ts';

/** How one process is, with streams open. */
interface Load {
  readonly residentMb: number;
  /** Of one processor. */
  readonly cpuShare: number;
}

interface Measured {
  readonly streams: number;
  readonly web: Load;
  readonly gateway: Load;
  readonly bare: Load;
  /** From the end of a commit until all streams of its product have been told, in milliseconds. */
  readonly told: readonly number[];
}

export interface LiveOptions {
  readonly streams: readonly number[];
  /** The streams follow so many products. */
  readonly products: number;
  readonly changesPerSecond: number;
  readonly seconds: number;
}

const subscription = (id: string) =>
  `subscription { productUpdated(sku: "${id}") { sku name price { amount currency } availability { inStock quantity } rating { average count } } }`;
const pathOf = (id: string) => `/graphql?query=${encodeURIComponent(subscription(id))}`;

/** Opens streams, each on a connection of its own, and tells of what comes. */
function openStreams(
  url: string,
  pathAt: (at: number) => string,
  onText: (at: number, text: string) => void,
  ending: AsyncDisposableStack,
) {
  const agent = new Agent({ keepAlive: false });
  const open: IncomingMessage[] = [];
  ending.defer(() => {
    for (const stream of open) stream.destroy();
    agent.destroy();
  });
  const openOne = async (at: number) => {
    const asked = request(`${url}${pathAt(at)}`, { agent, headers: { accept: 'text/event-stream' } });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`a stream was answered with ${answer.statusCode}`);
    answer.setEncoding('utf8').on('data', (text: string) => onText(at, text));
    // Of one that is cut when all is over.
    answer.on('error', () => {});
    open.push(answer);
  };
  return async (count: number) => {
    while (open.length < count) {
      const from = open.length;
      await Promise.all(
        Array.from({ length: Math.min(10, count - from) }, (_, more) => openOne(from + more)),
      );
    }
  };
}

/** Opens more and more streams through a gateway, while prices change at a steady rate; and as many at a bare server. */
export async function measureLive(
  { streams, products, changesPerSecond, seconds }: LiveOptions,
  ending: AsyncDisposableStack,
): Promise<readonly Measured[]> {
  const shop = await startMeasuredShop(1_000, ending);
  const limits = { EVENT_STREAMS_OF_CLIENT: '100000', PORTICO_TOKEN_KEY: 'a key of the bench '.repeat(3) };
  const web = await shop.startBff('web', { ...shop.follows, ...limits }, ending);
  const table = {
    WEB_URL: web.url,
    MOBILE_URL: web.url,
    SITE_URL: web.url,
    OIDC_ISSUER: 'http://127.0.0.1:1',
  };
  const gateway = await startChild(
    {
      program: '../../gateway/src/main.ts',
      env: { ...table, ...noSignIns, LOG_LEVEL: 'silent', PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0' },
      listens: true,
    },
    ending,
  );
  const bare = await startChild(
    {
      program: 'coherence/bare-event-streams.ts',
      env: { PRODUCTS: `${products}`, PER_SECOND: `${changesPerSecond}`, EVENT_BYTES: '600' },
      listens: true,
    },
    ending,
  );

  /** How many streams have shown which price of which product. */
  const shown = new Map<string, { count: number; at: number }>();
  const idAt = (at: number) => `p${(at % products) + 1}`;
  const note = (at: number, text: string) => {
    for (const [, amount] of text.matchAll(/"amount":(\d+)/g)) {
      const key = `${idAt(at)} ${amount}`;
      const seen = shown.get(key) ?? { count: 0, at: 0 };
      shown.set(key, { count: seen.count + 1, at: performance.now() });
    }
  };
  const openHere = openStreams(gateway.url, (at) => pathOf(idAt(at)), note, ending);
  const openBare = openStreams(
    bare.url,
    (at) => `/${at}`,
    () => {},
    ending,
  );

  const changeAll = async (count: number, length: number) => {
    const perProduct = Math.floor(count / products);
    const changes = await atRate(changesPerSecond, length, async (index) => {
      const id = idAt(index);
      const price = await shop.raisePrice(id);
      return { key: `${id} ${price}`, at: performance.now() };
    });
    await delay(1_000);
    const told = changes.map(({ key, at }) => ({ at, seen: shown.get(key) }));
    return told.flatMap(({ at, seen }) =>
      seen?.count === perProduct && perProduct > 0 ? [seen.at - at] : [],
    );
  };

  const children = { web, gateway, bare };
  const names = ['web', 'gateway', 'bare'] as const;
  const ask = (child: Child) => child.ask('cpu') as Promise<{ cpuUs: number; residentBytes: number }>;
  const results: Measured[] = [];
  await changeAll(0, 3);
  for (const count of streams) {
    await Promise.all([openHere(count), openBare(count)]);
    await changeAll(count, 3);
    const before = await Promise.all(names.map((name) => ask(children[name])));
    const start = performance.now();
    const told = await changeAll(count, seconds);
    const after = await Promise.all(names.map((name) => ask(children[name])));
    const tookUs = (performance.now() - start) * 1_000;
    const [ofWeb, ofGateway, ofBare] = after.map(({ cpuUs, residentBytes }, at) => ({
      residentMb: residentBytes / 1_000_000,
      cpuShare: (cpuUs - (before[at]?.cpuUs ?? 0)) / tookUs,
    })) as [Load, Load, Load];
    results.push({ streams: count, web: ofWeb, gateway: ofGateway, bare: ofBare, told });
  }
  return results;
}

const mb = (value: number) => `${value.toFixed(0)} MB`;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const ms = (value: number) => (Number.isNaN(value) ? '–' : `${value.toFixed(0)} ms`);

/** About a minute and a half. */
export async function reportLive(ending: AsyncDisposableStack): Promise<Report> {
  const [products, changesPerSecond, seconds] = [50, 20, 15];
  const options = { streams: [0, 250, 500, 1_000], products, changesPerSecond, seconds };
  const measured = await measureLive(options, ending);
  return {
    title: 'Open product streams on one instance: memory and processor time',
    note: `The streams follow ${products} products, evenly, through a gateway; prices of these change ${changesPerSecond} times a second, one a transaction, so with 1,000
streams ${(1_000 / products) * changesPerSecond} events a second are sent. Beside it Node's own HTTP server sends as many of the same size to as many streams, from a timer. The share is
of one processor, for ${seconds} s. "Told" is from the commit until all streams of the product have the new price, by those that were all told.`,
    heads: [
      'streams',
      'web BFF',
      'processor',
      'gateway',
      'processor',
      'bare Node',
      'processor',
      'told p50',
      'p99',
      'of changes',
    ],
    rows: measured.map(({ streams, web, gateway, bare, told }) => [
      `${streams}`,
      ...[web, gateway, bare].flatMap(({ residentMb, cpuShare }) => [mb(residentMb), percent(cpuShare)]),
      ms(quantile(told, 0.5)),
      ms(quantile(told, 0.99)),
      streams === 0 ? '–' : percent(told.length / (changesPerSecond * seconds)),
    ]),
    bars: measured.flatMap(({ streams, web, bare }) =>
      [
        { name: `${streams} streams, web BFF`, load: web },
        { name: `${streams} streams, bare Node`, load: bare },
      ].flatMap(({ name, load: { residentMb, cpuShare } }) => [
        { name, value: residentMb, unit: 'MB', label: mb(residentMb) },
        { name: '', value: cpuShare, unit: '%', label: `${percent(cpuShare)} of a processor` },
      ]),
    ),
  };
}
