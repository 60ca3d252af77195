import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventHub } from '@portico/change-stream/hub/event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import type { components } from '@portico/contracts/generated/mobile.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startChangingShop } from '@portico/testing/changing-shop.ts';
import supertest from 'supertest';
import { createTestBff, type TestBffOptions } from '../mobile-bff.fixture.ts';
import { type ChangedProductsOptions, createChangedProducts } from './changed-products.ts';

export type SyncPage = components['schemas']['SyncPage'];
export type ProductCard = components['schemas']['ProductCard'];
export interface SyncBffOptions extends Omit<TestBffOptions, 'consistency'> {
  readonly hub?: EventHub;
  readonly silent?: readonly string[];
  /** Where what was before its start is read from. */
  readonly past?: ChangedProductsOptions['hub'];
  readonly reachRecords?: number;
  readonly pause?: ChangedProductsOptions['pause'];
  readonly waitMs?: number;
  /** Epoch milliseconds, and milliseconds of a clock that nobody sets, of what is known of changes. */
  readonly nodeNow?: () => number;
}

/** Services whose data a test changes, a hub in this process that is told of it, and BFFs that follow that. */
export async function startSyncShop(sources?: readonly string[]) {
  const shop = await startChangingShop(sources);
  const { hub, connect } = shop;
  const closing: (() => Promise<unknown>)[] = [];

  /** A BFF that has applied all that was committed. */
  const startBff = async (options: SyncBffOptions = {}) => {
    const { hub: own = connect(), silent = [], reachRecords, pause = () => nextTurn(), waitMs } = options;
    const { nodeNow: now = Date.now } = options;
    const clocks = { boundMs: 3_600_000, now, steadyNow: now };
    const node = createChangeNode({ hub: own, sources: eventSources, silent, log: silentLogger, ...clocks });
    const changed = createChangedProducts({
      node,
      hub: options.past ?? own,
      log: silentLogger,
      pause,
      ...(reachRecords && { reachRecords }),
    });
    const consistency = createConsistency({ key: 'a key of the tests of sync '.repeat(2), node });
    const bff = createTestBff(shop.urls, {
      callTimeoutMs: 20_000,
      ...options,
      node,
      tagsOf: readTags,
      consistency,
      syncLog: { node, changed, ...(waitMs !== undefined && { waitMs }) },
    });
    closing.push(bff.close, changed.close, node.close);

    const get = (path: string, fields: Record<string, string> = {}) =>
      supertest(bff.app).get(path).set(fields);
    const applied = async () => {
      const { last } = await hub.range();
      while ((node.applied?.number ?? -1) < last) await nextTurn();
    };
    return {
      app: bff.app,
      node,
      changed,
      consistency,
      get,
      applied,
      ask: (since?: string, more = '') =>
        get(`/api/v1/sync?${since === undefined ? '' : `since=${since}`}${more}`),
      /** All pages from there on, of what was committed by now. */
      sync: async (since?: string, more = '') => {
        await applied();
        const pages: SyncPage[] = [];
        for (let next = since; pages.at(-1)?.hasMore !== false; next = pages.at(-1)?.next) {
          const answer = await get(`/api/v1/sync?${next === undefined ? '' : `since=${next}`}${more}`);
          if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
          pages.push(answer.body);
        }
        const changes = pages.flatMap((page) => page.changes);
        return { pages, changes, next: String(pages.at(-1)?.next), degraded: pages.at(-1)?.degraded };
      },
    };
  };

  return {
    ...shop,
    startBff,
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      await shop.close();
    },
  };
}
