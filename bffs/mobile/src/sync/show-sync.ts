import type { ChangeNode, Requirement } from '@portico/change-stream/node/change-node.ts';
import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { ShowScreen } from '../screen-answer.ts';
import { openReads, type ShopReads } from '../shop-reads.ts';
import type { ChangedProducts } from './changed-products.ts';
import { composeSyncPage } from './compose-sync-page.ts';
import { type CardPart, readSyncCards } from './read-sync-cards.ts';
import { readSyncCursor, type SyncCursor } from './sync-cursor.ts';

/** What a process knows of changes, for phones that keep the catalogue. */
export interface SyncLog {
  readonly node: ChangeNode;
  readonly changed: ChangedProducts;
  /** So long a request waits until what its client has seen or done is applied here, in milliseconds. */
  readonly waitMs?: number;
}

export interface SyncOptions {
  readonly clients: ShopServices;
  /** Without it there is no sync. */
  readonly log: SyncLog | undefined;
  /** What the client of a request has to see. */
  readonly requirementOf?: ((context: RequestContext) => Requirement | undefined) | undefined;
}

interface PageRequest extends SyncLog {
  readonly cursor: SyncCursor;
  readonly limit: number;
  readonly reads: ShopReads;
}

/**
 * What a phone has to change in the catalogue that it keeps, page by page. A phone that was told all pages up to a place of the log has
 * nothing older than that.
 *
 * - From nothing: all products in an order of the catalogue, then what changed since the walk began. A product that does not
 *   change meanwhile keeps its place in that order, and one that does comes again.
 * - From a place on: the products that changed last after it, in the order of their last changes, each as it is now. What is
 *   applied when a page begins is in all that it reads, so nothing on it is older than the phone's place.
 * - What one page leaves for later, as it changes again later, is known to the instances that have applied as much; so no other one
 *   goes on with a sync.
 * - After the last page of a sync that missed a part it begins again where the first such page began.
 */
export function showSync({ clients, log, requirementOf }: SyncOptions): ShowScreen<'syncProducts'> {
  return async ({ query: { since, limit = 100 }, context }) => {
    if (log === undefined || isSilent(log.node, 'catalog'))
      throw new Problem('not-supported', 'Nobody says here what changes in the catalogue.');
    const { applied } = log.node;
    if (applied === undefined || !log.node.follows('catalog')) throw notKnownNow();
    const { epoch, number } = applied;
    const cursor = since === undefined ? { epoch, number, walk: '' } : readSyncCursor(since);
    if (cursor?.epoch !== epoch) throw startAgain();
    if (log.changed.after(cursor, 1) === 'gone') throw since === undefined ? notKnownNow() : startAgain();
    const position = { epoch, number: Math.max(cursor.number, cursor.upTo ?? 0) };
    await waitFor(log, { position, commits: [], seen: [] }, context);
    const page = { ...log, cursor, limit, reads: openReads(clients, context) };
    if (cursor.walk !== undefined) return tellEverything(page, cursor.walk);
    await waitFor(log, requirementOf?.(context), context);
    return tellChanges(page);
  };
}

async function tellEverything(page: PageRequest, walk: string) {
  const { cursor, limit, reads, changed, node } = page;
  const { applied } = node;
  const { items, next } = await reads
    .productPage({ sort: 'newest', limit, ...(walk !== '' && { cursor: walk }) })
    .catch(startAgainIfRefused);
  const { cards, failed, uncertain } = await readSyncCards(page, items);
  const again = withMissing(cursor.again, failed, undefined);
  const { epoch, number } = cursor;
  const later = changed.after({ number }, 1);
  if (later === 'gone') throw startAgain();
  const hasMore = next !== null || later === 'unknown' || later.length > 0;
  const goOn = { epoch, number, ...(next !== null && { walk: next }), upTo: applied?.number ?? number };
  return composeSyncPage({
    products: cards.map((card) => ({ id: card.product.id, card })),
    uncertain,
    again,
    next: hasMore ? { ...goOn, ...(again && { again }) } : toEnd({ epoch, number }, again),
    hasMore,
  });
}

async function tellChanges(page: PageRequest) {
  const { cursor, limit, reads, changed, node } = page;
  // Of one moment: what is read from here on has all that is applied now.
  const { applied } = node;
  const changes = changed.after(cursor, limit + 1);
  if (applied?.epoch !== cursor.epoch || changes === 'gone') throw startAgain();
  if (changes === 'unknown' || !node.isTrusted('catalog')) throw notKnownNow();

  const told = changes.slice(0, limit);
  const found = await Promise.all(told.map(({ id }) => reads.product(id)));
  const products = found.filter((product) => product !== null);
  const { cards, failed, uncertain } = await readSyncCards(page, products);
  const byId = new Map(cards.map((card) => [card.product.id, card]));
  const { epoch, number, id } = cursor;
  const again = withMissing(cursor.again, failed, { number, ...(id !== undefined && { id }) });
  const hasMore = changes.length > told.length;
  const goOn = { epoch, number, ...told.at(-1), upTo: applied.number };
  return composeSyncPage({
    products: told.map((change) => ({ id: change.id, card: byId.get(change.id) ?? null })),
    uncertain,
    again,
    next: hasMore ? { ...goOn, ...(again && { again }) } : toEnd({ epoch, number: applied.number }, again),
    hasMore,
  });
}

/** Whether it was heard of, and is not to be listened to. One that was not yet may be. */
function isSilent(node: ChangeNode, source: string): boolean {
  return !node.follows(source) && node.states().some((state) => state.source === source);
}

/** Where a phone goes on that is told all there is to tell now. */
function toEnd(end: Pick<SyncCursor, 'epoch' | 'number'>, again: SyncCursor['again']): SyncCursor {
  if (again === undefined) return end;
  return again.from === undefined ? { ...end, walk: '' } : { ...end, ...again.from, upTo: end.number };
}

/** @param from where a page begins with these parts missing; undefined for a page of everything */
function withMissing(
  again: SyncCursor['again'],
  failed: readonly CardPart[],
  from: Pick<SyncCursor, 'number' | 'id'> | undefined,
): SyncCursor['again'] {
  if (failed.length === 0) return again;
  const first = again === undefined ? from : again.from;
  return { parts: [...new Set([...(again?.parts ?? []), ...failed])], ...(first && { from: first }) };
}

/** @throws Problem where this process comes to know of it too late */
async function waitFor(
  { node, waitMs = 1_000 }: SyncLog,
  requires: Requirement | undefined,
  { signal }: RequestContext,
): Promise<void> {
  if (requires === undefined) return;
  const ofCatalogue = ({ source }: { readonly source: string }) =>
    source === 'catalog' || source === 'inventory' || source === 'reviews';
  const { position, commits, seen } = requires;
  const needed = { position, commits: commits.filter(ofCatalogue), seen: seen.filter(ofCatalogue) };
  if (!(await node.reaches(needed, waitMs, signal))) throw notKnownNow();
}

/** Of a walk only the catalogue's cursor can be what the catalogue doesn't like. */
function startAgainIfRefused(error: unknown): never {
  throw error instanceof ServiceError && error.status === 400 ? startAgain() : error;
}

function startAgain(): Problem {
  return new Problem('gone', 'What changed since then is not known any more. Start again, without "since".');
}

function notKnownNow(): Problem {
  return new Problem('unavailable', 'What changed is not known at the moment.', {
    headers: { 'Retry-After': '1' },
  });
}
