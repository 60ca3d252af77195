import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createSimulatedHub } from '@portico/change-stream/node/simulated-hub.fixture.ts';
import { everythingChangedEvent, type PublicEvent } from '@portico/contracts/events/change-event.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createShopData } from '@portico/testing/shop-data.ts';
import { productChanged, reviewChanged, stockChanged } from '@portico/testing/shop-events.ts';
import type { ShopServices } from '@portico/testing/shop-services.ts';
import fc from 'fast-check';
import { createTestBff } from '../mobile-bff.fixture.ts';
import { createChangedProducts } from './changed-products.ts';
import { readSyncCursor } from './sync-cursor.ts';
import type { ProductCard, SyncPage } from './sync-shop.fixture.ts';

type Writable<Data> = {
  -readonly [Name in keyof Data]: Data[Name] extends readonly (infer Item)[] ? Item[] : Data[Name];
};

const sourceNames = ['catalog', 'inventory', 'reviews'] as const;
type SourceName = (typeof sourceNames)[number];

/** What is over at once, so that it can happen while a page is made. */
const instantOperations = [
  ['price', 10],
  ['move', 3],
  ['create', 4],
  ['remove', 4],
  ['stock', 8],
  ['review', 8],
  ['everything', 1],
  ['capture', 24],
  ['deliver', 24],
  ['fail', 1],
  ['heal', 3],
] as const;
export const operations = [
  ...instantOperations,
  ['sync', 40],
  ['cut', 1],
  ['mend', 3],
  ['restart', 1],
  ['restore', 1],
] as const;

export interface Operation {
  readonly name: (typeof operations)[number][0];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export const anySteps: fc.Arbitrary<Operation[]> = fc.array(
  fc.record({
    name: fc.oneof(...operations.map(([name, weight]) => ({ arbitrary: fc.constant(name), weight }))),
    a: fc.nat(11),
    b: fc.nat(11),
    c: fc.nat(11),
  }),
  { minLength: 200, maxLength: 500, size: 'max' },
);

/** How often something happened, so that a test can see that nothing was passed over. */
export type Tally = Map<string, number>;

const productCount = 9;
const pick = <T>(from: readonly T[], at: number): T => {
  const picked = from[at % from.length];
  if (picked === undefined) throw new Error('there is nothing to pick');
  return picked;
};

/** An app that keeps what it is told. */
interface Phone {
  readonly cards: Map<string, ProductCard>;
  since: string | undefined;
}

/**
 * Two BFFs with nodes of their own in front of services whose commits show before they are captured, a hub, and two phones that
 * are told page by page by either BFF. After each page a phone has all changes up to its position; after all, what a full fetch gives.
 * @throws what was broken
 */
export async function playSync(shop: ShopServices, steps: readonly Operation[], tally: Tally): Promise<void> {
  const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1);
  const data = shop.data as Writable<ShopServices['data']>;
  const fresh = createShopData();
  data.products.splice(0, Infinity, ...fresh.products.slice(0, productCount));
  data.stock.splice(0, Infinity, ...fresh.stock.slice(0, productCount));
  data.reviews.splice(0, Infinity, ...fresh.reviews.slice(-productCount));

  const hub = createSimulatedHub();
  const observer = hub.connect().hub;
  const uncaptured = new Map<SourceName, PublicEvent[][]>(sourceNames.map((name) => [name, []]));
  let commits = 0;
  const say = (source: SourceName) =>
    hub.say({ source, committedAt: Date.now(), offset: { log: source, at: String(commits) }, xmin: '1' });
  const append = (source: SourceName, events: readonly PublicEvent[]) => {
    commits += 1;
    hub.append({
      source,
      offset: { log: source, at: String(commits) },
      xid: String(commits),
      committedAt: Date.now(),
      events: events.map((event, index) => ({ ...event, id: `${commits}.${index}` })),
    });
  };
  const publish = (source: SourceName, ...events: PublicEvent[]) => uncaptured.get(source)?.push(events);
  const capture = (source: SourceName) => {
    const events = uncaptured.get(source)?.shift();
    if (events !== undefined) append(source, events);
  };

  let version = 1_000;
  type Product = (typeof data.products)[number];
  const putProduct = (before: Product | undefined, after: Product | undefined) => {
    const at = data.products.findIndex(({ id }) => id === (before ?? after)?.id);
    data.products.splice(at === -1 ? data.products.length : at, at === -1 ? 0 : 1, ...(after ? [after] : []));
    publish('catalog', productChanged(before, after));
  };
  /** Each change of a product gives it a price that none had before, so that a price says how new it is. */
  const newPrice = () => {
    version += 1;
    return { amount: version, currency: 'EUR' };
  };
  const anyTime = (at: number) => new Date(Date.UTC(2025, 0, 1 + at)).toISOString();
  const changeProduct = (at: number, change: Partial<Product> = {}) => {
    if (data.products.length === 0) return;
    const before = pick(data.products, at);
    putProduct(before, { ...before, ...change, price: newPrice() });
  };

  const connections = [hub.connect(), hub.connect()] as const;
  const start = async (at: number) => {
    const connection = pick(connections, at);
    let reconnect = () => {};
    const node = createChangeNode({
      hub: connection.hub,
      sources: eventSources,
      boundMs: 3_600_000,
      windowRecords: 4,
      log: silentLogger,
      pause: (_ms, signal) =>
        new Promise((resolve, reject) => {
          reconnect = resolve;
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    });
    const changed = createChangedProducts({
      node,
      hub: connection.hub,
      log: silentLogger,
      reachRecords: 12,
      maxProducts: 40,
      pause: () => nextTurn(),
    });
    const bff = createTestBff(shop.urls, {
      node,
      tagsOf: readTags,
      syncLog: { node, changed, waitMs: 0 },
      callTimeoutMs: 20_000,
    });
    const server = createServer(bff.app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      node,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      mend: () => {
        connection.mend();
        reconnect();
      },
      deliver: (records: number) => connection.deliver(records, 0),
      close: async () => {
        server.close();
        server.closeAllConnections();
        await bff.close();
        await Promise.all([changed.close(), node.close()]);
      },
    };
  };
  for (const source of sourceNames) say(source);
  const bffs = [await start(0), await start(1)];
  const restart = async (at: number) => {
    await pick(bffs, at).close();
    pick(connections, at).mend();
    bffs[at % bffs.length] = await start(at);
  };

  const perform: Record<Exclude<Operation['name'], 'sync'>, (operation: Operation) => unknown> = {
    price: ({ a }) => changeProduct(a),
    move: ({ a, b }) => changeProduct(a, { createdAt: anyTime(b * 5) }),
    create: ({ a, b }) => {
      const id = `p${1 + a}`;
      if (data.products.some((product) => product.id === id)) return;
      const product = pick(fresh.products, a);
      putProduct(undefined, { ...product, id, price: newPrice(), createdAt: anyTime(b * 5) });
    },
    remove: ({ a }) => {
      if (data.products.length > 0) putProduct(pick(data.products, a), undefined);
    },
    stock: ({ a, b }) => {
      const at = a % data.stock.length;
      const before = pick(data.stock, a);
      const after = { ...before, quantity: b % 3 };
      data.stock[at] = after;
      publish('inventory', stockChanged(before, after));
    },
    review: ({ a, b, c }) => {
      const at = a % data.reviews.length;
      const before = pick(data.reviews, a);
      const after = { ...before, productId: `p${1 + b}`, stars: 1 + (c % 5) };
      data.reviews[at] = after;
      publish('reviews', reviewChanged(before, after));
    },
    everything: ({ a }) => {
      if (a === 0) data.products.splice(0, Infinity);
      publish(
        a === 0 ? 'catalog' : pick(sourceNames, a),
        everythingChangedEvent(a === 0 ? 'truncated' : 'too-large'),
      );
    },
    capture: ({ a, b }) => {
      const source = pick(sourceNames, a);
      for (let step = 0; step <= b % 4; step += 1) capture(source);
      say(source);
    },
    deliver: ({ a, b }) => pick(bffs, a).deliver(1 + (b % 5)),
    fail: ({ a }) => shop.setFault(a % 2 === 0 ? 'inventory' : 'reviews', 'fail'),
    heal: () => heal(),
    cut: ({ a }) => pick(connections, a).cut(),
    mend: ({ a }) => pick(bffs, a).mend(),
    restart: ({ a }) => restart(a),
    restore: ({ a, b }) => {
      // Not always, so that there are long lives of one log too.
      if (a > 3) return;
      hub.restore(Math.max(0, hub.size() - b));
      for (const source of sourceNames) {
        uncaptured.set(source, []);
        append(source, [everythingChangedEvent('snapshot-begun')]);
        say(source);
      }
      for (const bff of bffs) bff.mend();
    },
  };
  const heal = () => {
    shop.setFault('inventory', undefined);
    shop.setFault('reviews', undefined);
  };

  const ask = async (at: number, path: string) => {
    const answer = await fetch(`${pick(bffs, at).url}${path}`);
    return { status: answer.status, body: (await answer.json()) as never };
  };

  /** What each product's record says at the latest up to a number: its price, or null where it is gone. */
  const pricesAt = async (epoch: string, number: number) => {
    const records = await observer.read({ epoch, number: 0 }, number);
    const prices = new Map<string, number | null>();
    for (const { key, type, data } of records.flatMap(({ events }) => events)) {
      const { after } = data as { after: { price: { amount: number } } | null };
      if (type === 'product-changed') prices.set(key, after?.price.amount ?? null);
      if (type === 'everything-changed') prices.clear();
    }
    return prices;
  };

  /** A phone that was told all pages up to a number has nothing older than that. */
  const checkPhone = async ({ cards, since = '' }: Phone) => {
    const { epoch = '', number = 0 } = readSyncCursor(since) ?? {};
    const range = await observer.range();
    if (range.epoch !== epoch) return;
    for (const [product, price] of await pricesAt(epoch, number)) {
      const kept = cards.get(product)?.price.amount;
      const now = data.products.find((each) => each.id === product)?.price.amount;
      const isNewer =
        kept === undefined ? price === null || now === undefined || now > price : kept >= (price ?? 0);
      assert.ok(isNewer, `${product} costs ${price} at ${number}, and ${kept} on the phone that is there`);
      if (price === null) assert.ok(kept === undefined || kept > 1_000, `${product} is gone at ${number}`);
    }
  };

  const sync = async (phone: Phone, at: number, limit: number): Promise<SyncPage | undefined> => {
    const { since } = phone;
    const query = since === undefined ? '' : `&since=${since}`;
    const { status, body } = await ask(at, `/api/v1/sync?limit=${limit}${query}`);
    count(`sync ${status}`);
    if (status === 410) phone.since = undefined;
    if (status !== 200) {
      assert.ok(status === 410 || status === 503, `sync answered ${status}: ${JSON.stringify(body)}`);
      return undefined;
    }
    const page: SyncPage = body;
    if (since === undefined) phone.cards.clear();
    assert.ok(page.changes.length <= limit);
    for (const { id, op, data: card } of page.changes) {
      count(op);
      if (op === 'delete') phone.cards.delete(id);
      else phone.cards.set(id, card as ProductCard);
    }
    phone.since = page.next;
    if (page.hasMore) count('more');
    if (page.degraded !== undefined) count('degraded');
    else if (!page.hasMore) await checkPhone(phone);
    return page;
  };

  const comeToRest = async () => {
    heal();
    for (const source of sourceNames) {
      while ((uncaptured.get(source)?.length ?? 0) > 0) capture(source);
      say(source);
    }
    const { epoch } = await observer.range();
    for (const bff of bffs) {
      for (
        let tries = 0;
        bff.node.applied?.number !== hub.size() || bff.node.applied.epoch !== epoch;
        tries += 1
      ) {
        assert.ok(
          tries < 1_000,
          `a node stays at ${JSON.stringify(bff.node.applied)} of ${hub.size()} ${epoch}`,
        );
        bff.mend();
        await bff.deliver(100);
        await nextTurn();
      }
    }
  };
  const fetchAll = async (at: number) => {
    const cards = new Map<string, ProductCard>();
    for (let cursor = ''; ; ) {
      const { body } = await ask(at, `/api/v1/products?sort=newest&limit=4${cursor}`);
      const { items, next } = body as { items: ProductCard[]; next: string | null };
      for (const card of items) cards.set(card.id, card);
      if (next === null) return cards;
      cursor = `&cursor=${next}`;
    }
  };

  const phones: Phone[] = [0, 1].map(() => ({ cards: new Map(), since: undefined }));
  const waiting: Operation[] = [];
  const performWaiting = () => {
    const next = waiting.shift();
    if (next !== undefined && next.name !== 'sync') void perform[next.name](next);
  };
  /** One of them, or all that are left. */
  const performDuring = () => {
    if (waiting.length > 0) count('during a page');
    const left = (waiting[0]?.c ?? 0) % 3 === 0 ? 1 : waiting.length;
    for (let done = 0; done < left; done += 1) performWaiting();
  };
  shop.events.on('call', performDuring);
  const instant: readonly string[] = instantOperations.map(([name]) => name);
  try {
    for (let at = 0; at < steps.length; at += 1) {
      const operation = steps[at] as Operation;
      const { name, a, b, c } = operation;
      count(name);
      if (name !== 'sync') await perform[name](operation);
      else {
        while (waiting.length < b % 7 && instant.includes(steps[at + 1]?.name ?? '')) {
          at += 1;
          waiting.push(steps[at] as Operation);
        }
        await sync(pick(phones, a), c, 1 + (a % 4));
        while (waiting.length > 0) performWaiting();
      }
      await nextTurn();
    }
    await comeToRest();
    for (const phone of phones) {
      let page: SyncPage | undefined;
      for (let tries = 0; page?.hasMore !== false || page.degraded !== undefined; tries += 1) {
        assert.ok(
          tries < 300,
          `a phone does not come to an end: ${JSON.stringify([phone.since && readSyncCursor(phone.since), page])}`,
        );
        page = await sync(phone, 0, 3);
        // Its circuit breakers may be open still.
        if (page?.degraded !== undefined) {
          await restart(0);
          await comeToRest();
        } else await nextTurn();
      }
      const whole = await fetchAll(0);
      assert.deepEqual(sorted(phone.cards), sorted(whole));
      const prices = data.products.map(({ id, price }) => [id, price.amount] as const);
      assert.deepEqual(
        sorted(new Map([...phone.cards].map(([id, { price }]) => [id, price.amount]))),
        sorted(new Map(prices)),
      );
    }
  } finally {
    shop.events.off('call', performDuring);
    shop.takeCalls();
    heal();
    await Promise.all(bffs.map((bff) => bff.close()));
  }
}

const sorted = <Value>(map: ReadonlyMap<string, Value>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
