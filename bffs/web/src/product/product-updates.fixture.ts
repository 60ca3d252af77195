import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventHub } from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { type ChangingShop, startChangingShop } from '@portico/testing/changing-shop.ts';
import { type EventStreamReader, serveEventStreams } from '@portico/testing/event-stream-reader.ts';
import { productChanged, stockChanged } from '@portico/testing/shop-events.ts';
import type { TokenIssuer } from '@portico/testing/token-issuer.ts';
import { createTestWeb, type TestWebOptions } from '../web-bff.fixture.ts';

type Product = ChangingShop['data']['products'][number];

/** A shop that changes, and web BFFs whose event streams can be read. */
export async function startLiveShop(issuer: TokenIssuer) {
  const shop = await startChangingShop(['catalog', 'inventory', 'reviews', 'customers']);
  const { data, commit, hub } = shop;
  const closing: (() => Promise<unknown>)[] = [];
  const at = (id: string) => data.products.findIndex((product) => product.id === id);
  const indexOfStock = (id: string) => data.stock.findIndex(({ productId }) => productId === id);

  /** A BFF that has applied all that was committed. */
  const startWeb = async (options: Partial<TestWebOptions> = {}, own: EventHub = shop.connect()) => {
    const node = createChangeNode({ hub: own, sources: eventSources, log: silentLogger, boundMs: 3_600_000 });
    const listeners = countListeners(node);
    const consistency = createConsistency({ key: 'a key of the live tests '.repeat(2), node });
    const web = createTestWeb({
      urls: shop.urls,
      verifyToken: issuer.verify,
      tagsOf: readTags,
      node: listeners.node,
      consistency,
      ...consistency.reading,
      ...options,
    });
    const server = await serveEventStreams(web.app);
    closing.push(async () => {
      await server.close();
      await web.close();
      await Promise.all([node.close(), own.close()]);
    });
    const applied = async () => {
      const { last } = await hub.range();
      while ((node.applied?.number ?? -1) < last) await nextTurn();
    };
    await applied();
    return {
      ...web,
      node,
      consistency,
      applied,
      listeners: listeners.count,
      post: (body: string) =>
        server.open('/graphql', {
          method: 'POST',
          headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
          body,
        }),
      open: (query: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
        server.open(`/graphql?query=${encodeURIComponent(query)}`, {
          headers: { accept: 'text/event-stream', ...headers },
          ...(signal && { signal }),
        }),
    };
  };

  return {
    ...shop,
    startWeb,
    /** Sets a price, in one transaction of the catalog's. */
    setPrice: async (id: string, amount: number) => {
      const before = data.products[at(id)] as Product;
      const after = { ...before, price: { ...before.price, amount } };
      data.products[at(id)] = after;
      return await commit('catalog', productChanged(before, after));
    },
    setStock: async (id: string, quantity: number) => {
      const before = data.stock[indexOfStock(id)];
      if (before === undefined) throw new Error(`there is no stock of ${id}`);
      const after = { ...before, quantity };
      data.stock[indexOfStock(id)] = after;
      return await commit('inventory', stockChanged(before, after));
    },
    deleteProduct: async (id: string) => {
      const [before] = data.products.splice(at(id), 1);
      return await commit('catalog', productChanged(before, undefined));
    },
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      await shop.close();
    },
  };
}

/** The same node, with the number of those who listen to it. */
function countListeners(node: ChangeNode) {
  let count = 0;
  const counted = (end: () => void) => {
    count += 1;
    return () => {
      count -= 1;
      end();
    };
  };
  const listened: Partial<ChangeNode> = {
    onApplied: (listener) => counted(node.onApplied(listener)),
    onLoaded: (listener) => counted(node.onLoaded(listener)),
  };
  const seen = new Proxy(node, {
    get: (_, name) => Reflect.get(listened, name) ?? Reflect.get(node, name),
  });
  return { node: seen, count: () => count };
}

/** The next event of a product's stream. */
export async function nextOf(stream: EventStreamReader) {
  const { event, id, data } = (await stream.next()) ?? {};
  const { data: answer, errors } = JSON.parse(data || '{}');
  return { event, id, product: answer?.productUpdated, errors };
}
