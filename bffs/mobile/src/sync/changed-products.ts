import { setTimeout as delay } from 'node:timers/promises';
import {
  type EventHub,
  type HubRecord,
  type Position,
  PositionGone,
} from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import { createChangeTags } from '@portico/change-stream/node/change-tags.ts';
import { catalogEvents } from '@portico/contracts/events/catalog-events.ts';
import { sourceTag } from '@portico/contracts/events/change-event.ts';
import { inventoryEvents } from '@portico/contracts/events/inventory-events.ts';
import { reviewsEvents } from '@portico/contracts/events/reviews-events.ts';
import { productTag, reviewsOfTag, stockTag } from '@portico/contracts/events/tags.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { type ChangeOrder, type ChangePlace, createChangeOrder, type LastChange } from './change-order.ts';

/** Which products have another card than before: those that changed, or their stock or rating, as far as the hub says. */
export interface ChangedProducts {
  /**
   * The first `limit` of those that changed last after a place in the log that the node follows, in the order of their last changes.
   * `gone` where not all of them are known any more, `unknown` where they are not yet.
   */
  after(place: ChangePlace, limit: number): readonly LastChange[] | 'gone' | 'unknown';
  close(): Promise<void>;
}

export interface ChangedProductsOptions {
  readonly node: ChangeNode;
  /** The hub that the node follows. */
  readonly hub: Pick<EventHub, 'range' | 'read'>;
  readonly log: Logger;
  /** So many records of before its start are read, if the hub has them. */
  readonly reachRecords?: number;
  readonly maxProducts?: number;
  /** Waits between two pages of those records, and before the hub is tried again. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const pageRecords = 500;
/** What is from before the start is read beside requests, that need the processor more. */
const pauseMs = 5;
const retryMs = 1_000;

const sources = [catalogEvents, inventoryEvents, reviewsEvents];
const everything = sources.map(({ source }) => sourceTag(source));
const prefixes = [productTag(''), stockTag(''), reviewsOfTag('')];
/** As the API has it. Stock and reviews may be of anything. */
const productId = /^p[1-9][0-9]{0,8}$/;

/**
 * Follows the node, and reads back from where that began: the latest records first, until the hub's first one, one that says that
 * everything of a source may have changed, or `reachRecords`. Memory grows with the products that changed, not with the changes.
 */
export function createChangedProducts(options: ChangedProductsOptions): ChangedProducts {
  const { node, hub, log, reachRecords = 100_000, maxProducts = 200_000 } = options;
  const { pause = (ms, signal) => delay(ms, undefined, { signal }) } = options;
  const tagsOf = createChangeTags(sources, log);
  const closing = new AbortController();
  let order: ChangeOrder = createChangeOrder(maxProducts);
  /** All changes above it are known. */
  let floor = 0;
  /** Up to where the log was followed. */
  let seen: Position | undefined;
  /** Aborts when there is nothing more to read from before. */
  let readingBack = new AbortController();
  let reading = Promise.resolve();

  const isReadingBack = () => !readingBack.signal.aborted;

  const forget = (upTo: number) => {
    readingBack.abort();
    order = createChangeOrder(maxProducts);
    floor = upTo;
  };

  const hear = ({ number }: HubRecord, tags: ReadonlySet<string>) => {
    seen = node.applied;
    if (everything.some((tag) => tags.has(tag))) return forget(number);
    const forgotten = order.add(number, productsOf(tags));
    if (forgotten === undefined) return;
    readingBack.abort();
    floor = Math.max(floor, forgotten);
  };

  /** Takes records that end where what is known begins. @returns whether there is a use in those before them */
  const takeOlder = (records: readonly HubRecord[], from: number): boolean => {
    const older: LastChange[] = [];
    let since = from;
    for (const record of records.toReversed()) {
      const tags = tagsOf(record);
      if (everything.some((tag) => tags.has(tag))) {
        since = record.number;
        break;
      }
      const ids = productsOf(tags).sort().reverse();
      older.push(...ids.map((id) => ({ number: record.number, id })));
    }
    order.addOlder(older);
    floor = since;
    return since === from;
  };

  const readBack = async (epoch: string, signal: AbortSignal) => {
    const { first } = await hub.range();
    const end = Math.max(first - 1, (seen?.number ?? 0) - reachRecords);
    while (!signal.aborted && floor > end) {
      const from = Math.max(end, floor - pageRecords);
      const records = await hub.read({ epoch, number: from }, floor - from);
      if (signal.aborted || !takeOlder(records, from)) return;
      await pause(pauseMs, signal);
    }
  };

  /** Until it has all that there is, or something else is known by then. */
  const keepReadingBack = async (epoch: string, ending: AbortController) => {
    const signal = AbortSignal.any([ending.signal, closing.signal]);
    while (!signal.aborted) {
      try {
        await readBack(epoch, signal);
        return ending.abort();
      } catch (error) {
        if (signal.aborted) return;
        // Trimmed by now, or of another log than the node will have.
        if (error instanceof PositionGone) return ending.abort();
        log.warn({ err: error }, 'what changed before the start is not known yet');
        await pause(retryMs, signal).catch(() => {});
      }
    }
  };

  const begin = () => {
    const { applied } = node;
    if (applied === undefined) return;
    const before = seen;
    seen = applied;
    // Numbers up to there have named other records, and so did positions that were given.
    if (before?.epoch === applied.epoch) return forget(Math.max(before.number, applied.number) + 1);
    forget(applied.number);
    readingBack = new AbortController();
    reading = keepReadingBack(applied.epoch, readingBack);
  };

  const endings = [node.onApplied(hear), node.onLoaded(begin)];
  begin();
  return {
    after: (place, limit) => {
      if (node.applied === undefined || node.applied.epoch !== seen?.epoch) return 'unknown';
      const whole = place.id === undefined ? place.number : place.number - 1;
      if (whole < floor) return isReadingBack() ? 'unknown' : 'gone';
      return order.after(place, limit);
    },
    close: async () => {
      closing.abort();
      for (const end of endings) end();
      await reading;
    },
  };
}

function productsOf(tags: ReadonlySet<string>): string[] {
  const ids = new Set<string>();
  for (const tag of tags) {
    const prefix = prefixes.find((each) => tag.startsWith(each));
    if (prefix !== undefined) ids.add(tag.slice(prefix.length));
  }
  return [...ids].filter((id) => productId.test(id));
}
