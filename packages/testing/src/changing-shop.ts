import type { SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import type { PublicEvent } from '@portico/contracts/events/change-event.ts';
import { createMemoryLog } from './memory-event-hub.ts';
import { type ShopServicesOptions, startShopServices } from './shop-services.ts';

type Writable<Data> = {
  -readonly [Name in keyof Data]: Data[Name] extends readonly (infer Item)[] ? Item[] : Data[Name];
};

export type ChangingShop = Awaited<ReturnType<typeof startChangingShop>>;

/** Services whose data a test changes, and a hub in this process that is told of it. */
export async function startChangingShop(
  sources: readonly string[] = ['catalog', 'inventory', 'reviews'],
  options?: ShopServicesOptions,
) {
  const shop = await startShopServices(options);
  const connect = createMemoryLog();
  const hub = connect();
  const { signal } = new AbortController();
  const writers = new Map<string, SourceWriter>();
  let xid = 0;

  const progress = (source: string) => ({
    offset: { log: source, at: String(xid) },
    xmin: String(xid + 1),
    committedAt: Date.now(),
  });
  /** One transaction. */
  const commit = async (source: string, ...events: PublicEvent[]) => {
    xid += 1;
    const writer = writers.get(source) ?? (await hub.writer(source, signal));
    writers.set(source, writer);
    const record = {
      source,
      ...progress(source),
      xid: String(xid),
      events: events.map((event, index) => ({ ...event, id: `${xid}.${index}` })),
    };
    await writer.append(events.length === 0 ? [] : [record], progress(source));
    return `${source}:${xid}`;
  };
  for (const source of sources) await commit(source);

  return {
    ...shop,
    data: shop.data as Writable<typeof shop.data>,
    hub,
    /** Another hub on the same log, as another process would have. */
    connect,
    commit,
  };
}
