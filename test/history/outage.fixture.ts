import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { createHistoryChecker } from './check-history.ts';
import { recordHistory, setInitialValues, untilCaughtUp } from './record-history.fixture.ts';
import { boundMs } from './run-history.fixture.ts';
import {
  asAdmin,
  type Front,
  refuseAll,
  type ShopUnderTest,
  type Unkillable,
} from './shop-under-test.fixture.ts';

const services = ['catalog', 'inventory'] as const;
/** What capture may take more than before while it catches up. With 60,000 as with 240,000 commits it was 200 MB, most of it garbage. */
const mostMegabytes = 400;

/** Takes it away, from everybody, until the work is done. */
const without = {
  hub: async (shop: ShopUnderTest, work: () => Promise<void>) => {
    await asAdmin(shop, ...refuseAll('hub'));
    await work();
    await asAdmin(shop, 'alter database hub allow_connections true');
  },
  capture: (shop: ShopUnderTest, work: () => Promise<void>) => shop.capture.kill(work),
};

export interface Outage {
  readonly shop: ShopUnderTest;
  /** Of the shop, more than one: the last one gets the many commits. */
  readonly products: readonly string[];
  readonly missing: keyof typeof without;
  /** Of each service. */
  readonly commits: number;
}

/**
 * Takes hub or capture away while catalog and inventory commit so many times each, and brings it back. Clients
 * read and write all the time. Judges what they saw, what stands in the hub then, and what capture took to get there.
 */
export async function endureOutage(
  test: TestContext,
  { shop, products, missing, commits }: Outage,
): Promise<void> {
  const busy = String(products.at(-1));
  const watched = products.slice(0, -1);
  const initial = await setInitialValues(shop, watched);
  const before = await endOfHub(shop);
  const ending = new AbortController();
  const outage = async () => {
    await without[missing](shop, async () => {
      const began = performance.now();
      await Promise.all(services.map((service) => commitMany(shop, service, busy, commits)));
      await untilTrust(shop.fronts, '0');
      test.diagnostic(`${commits * 2} commits in ${seconds(began)} s without ${missing}`);
    });
    const watch = watchMemory(shop.capture);
    const returned = performance.now();
    await untilTrust(shop.fronts, '1');
    const { first, highest } = await watch.end();
    test.diagnostic(
      `caught up ${seconds(returned)} s after its return; capture had ${first} MB before and ${highest} MB at most`,
    );
    assert.ok(highest - first < mostMegabytes);
  };
  const checker = createHistoryChecker(initial, boundMs);
  const [{ unanswered: failures, last }] = await Promise.all([
    recordHistory({
      shop,
      fronts: shop.fronts,
      products: watched,
      clients: { withToken: 3, without: 1 },
      checker: {
        add: (event) =>
          checker.add(event.kind === 'read' ? { ...event, values: leaveOut(event.values, busy) } : event),
        judgeBefore: checker.judgeBefore,
      },
      random: createRandom(1),
      signal: ending.signal,
    }),
    outage().finally(() => ending.abort()),
  ]);

  const { answers, writes, oldestMs, violations } = checker.end();
  const unanswered = Object.values(failures).reduce((sum, one) => sum + one, 0);
  test.diagnostic(
    `${answers} answers, ${unanswered} unanswered, ${writes} writes, oldest ${oldestMs.toFixed(0)} ms`,
  );
  assert.ok(unanswered < answers / 2, JSON.stringify(failures));
  assert.deepEqual(violations.slice(0, 3), []);
  await untilCaughtUp(shop.fronts, last);
  const inOrder = Array.from({ length: commits }, (_, at) => at + 1);
  assert.deepEqual(await valuesSince(shop, before, busy), { catalog: inOrder, inventory: inOrder });
}

const seconds = (since: number) => ((performance.now() - since) / 1_000).toFixed(1);

/** One transaction after the other, that sets a product's price or stock to 1, 2, 3, … */
function commitMany(shop: ShopUnderTest, service: (typeof services)[number], product: string, count: number) {
  const update =
    service === 'catalog'
      ? `update products set price_amount = n where id = '${product}'`
      : `update stock set quantity = n where product_id = '${product}'`;
  return shop.sql(service, `do $$ begin for n in 1..${count} loop ${update}; commit; end loop; end $$`);
}

/** Until all BFFs trust both services, or none does. */
async function untilTrust(fronts: readonly Front[], value: '0' | '1'): Promise<void> {
  const trust = new RegExp(
    `^portico_change_trusted\\{source="(${services.join('|')})",.*\\} ${value}$`,
    'gm',
  );
  for (const front of fronts) {
    while ((await metricsOf(front)).match(trust)?.length !== services.length) await delay(50);
  }
}

/** Of resident memory, in megabytes. */
function watchMemory(program: Unkillable) {
  const ending = new AbortController();
  const seen: number[] = [];
  const watching = (async () => {
    do {
      const [, bytes] = /^process_resident_memory_bytes\{.*\} (\d+)$/m.exec(await metricsOf(program)) ?? [];
      seen.push(Math.round(Number(bytes) / 1024 / 1024));
      await delay(50);
    } while (!ending.signal.aborted);
  })();
  return {
    end: async () => {
      ending.abort();
      await watching;
      return { first: Number(seen[0]), highest: Math.max(...seen) };
    },
  };
}

const metricsOf = async ({ admin }: Unkillable) => (await fetch(`${admin}/metrics`)).text();

const openHub = ({ postgres }: ShopUnderTest) =>
  createPostgresEventHub({ url: String(postgres.databases.hub), log: silentLogger });

async function endOfHub(shop: ShopUnderTest): Promise<number> {
  const hub = openHub(shop);
  return hub
    .range()
    .then(({ last }) => last)
    .finally(() => hub.close());
}

/** What the hub says that a product's price and stock became, one after the other. */
async function valuesSince(shop: ShopUnderTest, number: number, product: string) {
  const values: Record<(typeof services)[number], unknown[]> = { catalog: [], inventory: [] };
  const hub = openHub(shop);
  try {
    let position = { epoch: await hub.epoch(), number };
    for (;;) {
      const records = await hub.read(position, 1_000);
      for (const { source, events } of records) {
        for (const { key, data } of events) {
          const after = data.after as { price?: { amount: number }; quantity?: number } | null;
          if (key !== product) continue;
          if (source === 'catalog') values.catalog.push(after?.price?.amount);
          if (source === 'inventory') values.inventory.push(after?.quantity);
        }
      }
      const end = records.at(-1);
      if (end === undefined) return values;
      position = { ...position, number: end.number };
    }
  } finally {
    await hub.close();
  }
}

function leaveOut(values: Readonly<Record<string, number>>, product: string): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !key.endsWith(`:${product}`)));
}
