import { setTimeout as delay } from 'node:timers/promises';
import { openEventStream, type ReadEvent } from '@portico/testing/event-stream-reader.ts';
import type { Front, ShopUnderTest } from '../history/shop-under-test.fixture.ts';

/** What somebody heard of an order who followed it live. */
export interface FollowedOrder {
  readonly number: string;
  readonly kind: Front['kind'];
  /** The types of its events, in the order in which they came. */
  readonly types: string[];
}

interface Timeline {
  readonly timeline: readonly { readonly type: string }[];
}

/** Follows an order on web and phone, from its begin, and goes on elsewhere where a link breaks, until the signal aborts. */
export function followOrder(
  { fronts, issuer }: Pick<ShopUnderTest, 'fronts' | 'issuer'>,
  { number, customer }: { readonly number: string; readonly customer: string },
  signal: AbortSignal,
): readonly FollowedOrder[] {
  return (['web', 'mobile'] as const).map((kind) => {
    const followed: FollowedOrder = { number, kind, types: [] };
    void (async () => {
      const authorization = `Bearer ${await issuer.mint({ sub: customer, roles: ['customer'] })}`;
      const ways = fronts.filter((front) => front.kind === kind);
      let lastId: string | undefined;
      for (let link = 0; !signal.aborted; link += 1) {
        const front = ways[link % ways.length] as Front;
        lastId = await followLink(front, authorization, followed, lastId, signal).catch(() => lastId);
        await delay(200, undefined, { signal }).catch(() => {});
      }
    })();
    return followed;
  });
}

/** Follows it for as long as the link holds. @returns the id of the last event */
async function followLink(
  front: Front,
  authorization: string,
  { number, types }: FollowedOrder,
  lastId: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const query = `subscription { orderUpdated(number: "${number}") { timeline { type } } }`;
  const path =
    front.kind === 'web' ? `/graphql?query=${encodeURIComponent(query)}` : `/api/v1/orders/${number}/events`;
  const headers = {
    authorization,
    accept: 'text/event-stream',
    ...(lastId !== undefined && { 'last-event-id': lastId }),
  };
  const stream = await openEventStream(`${front.url}${path}`, { headers, signal });
  let id = lastId;
  try {
    for (let event = await stream.next(); event !== undefined; event = await stream.next()) {
      const order = orderOf(event);
      // It says that it can't be followed here at the moment.
      if (order === undefined) break;
      types.push(String(order.timeline.at(-1)?.type));
      id = event.id;
    }
  } catch (error) {
    if (id === undefined) throw error;
  } finally {
    stream.cut();
  }
  return id;
}

/** A reset would be an event without an order: nobody renews the log here, so none may come. */
function orderOf({ data, event }: ReadEvent): Timeline | undefined {
  if (event === 'reset') throw new Error('a stream was reset');
  const said = JSON.parse(data) as Timeline & { readonly data?: { readonly orderUpdated?: Timeline } };
  return said.timeline === undefined ? said.data?.orderUpdated : said;
}
