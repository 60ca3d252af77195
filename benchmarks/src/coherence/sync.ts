import { brotliDecompressSync } from 'node:zlib';
import { Pool } from 'undici';
import type { Report } from '../report.ts';
import { quantile } from '../statistics.ts';
import { openProductReads } from './product-reads.ts';
import { type MeasuredShop, startMeasuredShop } from './start-shop.ts';

/** What it took to be up to date. */
interface Fetched {
  readonly pages: number;
  /** Of the bodies as they came, compressed with brotli. */
  readonly bytes: number;
  readonly ms: number;
}

interface Compared {
  readonly changed: number;
  readonly delta: readonly Fetched[];
  readonly whole: readonly Fetched[];
}

/** Of a page, sync or list, how to go on. */
interface Page {
  readonly next: string | null;
  readonly hasMore?: boolean;
}

/** A phone on one connection, that asks for pages of 100 one after the other. */
function openPhone(url: string, ending: AsyncDisposableStack) {
  const pool = new Pool(url, { connections: 1, headersTimeout: 30_000, bodyTimeout: 30_000 });
  ending.defer(() => pool.destroy());
  const walk = async (first: string, pathOf: (next: string) => string, after: string) => {
    let [pages, bytes, ms, next] = [0, 0, 0, after];
    for (let path = first; ; path = pathOf(next)) {
      const start = performance.now();
      const answer = await pool.request({ path, method: 'GET', headers: { 'accept-encoding': 'br' } });
      const body = Buffer.from(await answer.body.arrayBuffer());
      ms += performance.now() - start;
      bytes += body.length;
      pages += 1;
      if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`);
      const isCompressed = answer.headers['content-encoding'] === 'br';
      const page: Page = JSON.parse((isCompressed ? brotliDecompressSync(body) : body).toString('utf8'));
      next = page.next ?? next;
      if (page.next === null || page.hasMore === false) return { pages, bytes, ms, next };
    }
  };
  return {
    sync: (since?: string) =>
      walk(
        since === undefined ? '/api/v1/sync' : `/api/v1/sync?since=${since}`,
        (next) => `/api/v1/sync?since=${next}`,
        since ?? '',
      ),
    fetchAll: () => {
      const list = '/api/v1/products?sort=newest&limit=100';
      return walk(list, (next) => `${list}&cursor=${next}`, '');
    },
  };
}

/** Changes prices of this share of the products, and waits until the BFF answers with the last of them. */
async function change(
  shop: MeasuredShop,
  show: (id: string) => Promise<number | undefined>,
  ids: readonly string[],
) {
  const last = ids.at(-1) ?? 'p1';
  await Promise.all(ids.slice(0, -1).map((id) => shop.raisePrice(id)));
  const price = await shop.raisePrice(last);
  while ((await show(last)) !== price);
}

/** Compares what a phone that has all products takes to be up to date again with a fetch of all of them. */
export async function measureSync(
  productCount: number,
  shares: readonly number[],
  rounds: number,
  ending: AsyncDisposableStack,
): Promise<readonly Compared[]> {
  const shop = await startMeasuredShop(productCount, ending);
  const { url } = await shop.startBff('mobile', shop.follows, ending);
  const { price } = openProductReads('mobile', url, 1, ending);
  const phone = openPhone(url, ending);
  // What runs for the first time is slow, and everything is in the caches then.
  await phone.fetchAll();
  let { next: since } = await phone.sync();
  const results: Compared[] = [];
  let at = 0;
  for (const share of shares) {
    const changed = Math.round(productCount * share);
    const some = () => Array.from({ length: changed }, () => `p${(at++ % productCount) + 1}`);
    const [delta, whole]: [Fetched[], Fetched[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      await change(shop, price, some());
      const told = await phone.sync(since);
      since = told.next;
      delta.push(told);
      await change(shop, price, some());
      whole.push(await phone.fetchAll());
      since = (await phone.sync(since)).next;
    }
    results.push({ changed, delta, whole });
  }
  return results;
}

const median = (values: readonly number[]) => quantile(values, 0.5);
const kB = (bytes: number) => `${(bytes / 1_000).toFixed(1)} kB`;
const ms = (value: number) => `${value.toFixed(1)} ms`;

/** 10,000 products, medians of five rounds. */
export async function reportSync(ending: AsyncDisposableStack): Promise<Report> {
  const [products, rounds] = [10_000, 5];
  const results = (await measureSync(products, [0.001, 0.01, 0.1], rounds, ending)).map(
    ({ changed, delta, whole }) => {
      const of = (fetched: readonly Fetched[]) => ({
        pages: median(fetched.map(({ pages }) => pages)),
        bytes: median(fetched.map(({ bytes }) => bytes)),
        ms: median(fetched.map((each) => each.ms)),
      });
      return {
        name: `${((changed / products) * 100).toFixed(1)} % changed`,
        delta: of(delta),
        whole: of(whole),
      };
    },
  );
  return {
    title: 'A sync beside a full fetch',
    note: `A phone has ${products} products; prices of some change, one a transaction; it asks for pages of 100, one after the other, compressed with
brotli. Everything else is in the caches of the mobile BFF. Medians of ${rounds} rounds.`,
    heads: [
      '',
      'sync pages',
      'bytes',
      'time',
      'full fetch pages',
      'bytes',
      'time',
      'bytes of it',
      'time of it',
    ],
    rows: results.map(({ name, delta, whole }) => [
      name,
      ...[delta, whole].flatMap((each) => [`${each.pages}`, kB(each.bytes), ms(each.ms)]),
      `${((delta.bytes / whole.bytes) * 100).toFixed(2)} %`,
      `${((delta.ms / whole.ms) * 100).toFixed(2)} %`,
    ]),
    bars: results.flatMap(({ name, delta, whole }) => [
      { name: `${name}: sync`, value: delta.bytes, label: kB(delta.bytes) },
      { name: `${name}: full fetch`, value: whole.bytes, label: kB(whole.bytes) },
    ]),
  };
}
