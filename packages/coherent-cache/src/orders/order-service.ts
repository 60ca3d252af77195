import type { Requirement } from '@portico/change-stream/node/change-node.ts';
import type { LiveView } from '@portico/change-stream/views/live-view.ts';
import type { components, paths as Orders } from '@portico/contracts/generated/orders.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { CachedService } from '../cached-service.ts';
import { countReads } from '../count-reads.ts';
import type { CacheRead } from '../read-cache.ts';
import { type OrderUpdate, orderUpdates } from './order-updates.ts';
import { isOlder, type OrdersState, orderKey, ordersOfKey, type TrackedOrder } from './orders-view.ts';

export type Order = components['schemas']['Order'] | TrackedOrder;

export interface OrderPage {
  /** Newest first. */
  readonly items: readonly Order[];
  readonly hasMore: boolean;
}

/** The orders of whoever a request comes from: nobody sees those of others. */
export interface OrderService extends Pick<CachedService<Orders>, 'command'> {
  /** Null for an order that isn't there, or of somebody else. @throws ServiceError */
  order(number: string, context: RequestContext): Promise<Order | null>;
  /** @param after the number of an order; only older ones are given @throws ServiceError */
  orders(first: number, after: string | undefined, context: RequestContext): Promise<OrderPage>;
  /**
   * The events of an order, as `orderUpdates` gives them; null for an order that isn't there, or of somebody else.
   * @throws ServiceError also where this process doesn't know of changes at the moment
   */
  updates(
    number: string,
    after: string | undefined,
    context: RequestContext,
  ): Promise<((signal: AbortSignal) => AsyncIterable<OrderUpdate>) | null>;
}

export interface OrderServiceOptions {
  /** Without it, and where it doesn't come up in time, the service is asked. */
  readonly view: LiveView<OrdersState> | undefined;
  readonly requirementOf: ((context: RequestContext) => Requirement | undefined) | undefined;
  /** Told of what was read from the view. */
  readonly onRead: (context: RequestContext, read: CacheRead<unknown>) => void;
}

const source = 'orders';
const pageLimit = 100;

/** @param service asks the service itself; none of its answers may be kept */
export function createOrderService(
  service: CachedService<Orders>,
  { view, requirementOf, onRead }: OrderServiceOptions,
): OrderService {
  const fromView = async (keys: readonly string[], context: RequestContext) => {
    const requires = requirementOf?.(context);
    const read = await view?.read(keys, requires && ofOrders(requires), context.signal);
    if (read === undefined) return undefined;
    const { states, position: fence } = read;
    const told = {
      value: null,
      source: 'view',
      ageMs: 0,
      fence,
      seen: [],
      sources: [source],
      tags: [],
      isKept: false,
    };
    countReads([told], context);
    onRead(context, told);
    return states;
  };

  const order = async (number: string, context: RequestContext) => {
    const customerId = customerOf(context);
    if (customerId === undefined) return null;
    const states = await fromView([orderKey(number)], context);
    const found = states?.get(orderKey(number))?.order ?? null;
    if (states === undefined || found === 'incomplete') {
      return await service.get('/orders/{number}', { path: { number } }, context);
    }
    return found?.customerId === customerId ? found : null;
  };

  const listFromView = async (
    customerId: string,
    first: number,
    after: string | undefined,
    context: RequestContext,
  ) => {
    const key = ordersOfKey(customerId);
    const list = await fromView([key], context);
    if (list === undefined) return undefined;
    const numbers = (list.get(key)?.numbers ?? []).filter(
      (number) => after === undefined || isOlder(number, after),
    );
    const shown = numbers.slice(0, first);
    const states = shown.length === 0 ? new Map() : await fromView(shown.map(orderKey), context);
    const items = shown.flatMap((number) => {
      const found = states?.get(orderKey(number))?.order;
      return found === undefined || found === 'incomplete' ? [] : [found];
    });
    return items.length < shown.length ? undefined : { items, hasMore: numbers.length > first };
  };

  /** The service's cursors mean nothing here, so what comes before is read as well: only where the view can't be used. */
  const listFromService = async (first: number, after: string | undefined, context: RequestContext) => {
    const items: Order[] = [];
    let cursor: string | undefined;
    do {
      const query = {
        limit: after === undefined ? Math.min(first + 1, pageLimit) : pageLimit,
        ...(cursor && { cursor }),
      };
      const page = await service.get('/orders', { query }, context);
      if (page === null) throw new ServiceError(source, 'bad-answer', 'answered 404 to a list');
      items.push(...page.items.filter(({ number }) => after === undefined || isOlder(number, after)));
      cursor = page.next ?? undefined;
    } while (items.length <= first && cursor !== undefined);
    return { items: items.slice(0, first), hasMore: items.length > first };
  };

  return {
    command: service.command,
    order,
    orders: async (first, after, context) => {
      const customerId = customerOf(context);
      if (customerId === undefined) return { items: [], hasMore: false };
      const page = await listFromView(customerId, first, after, context);
      return page ?? (await listFromService(first, after, context));
    },
    updates: async (number, after, context) => {
      if ((await order(number, context)) === null) return null;
      if (view === undefined || (await view.peek([orderKey(number)])) === 'untrusted') {
        throw new ServiceError(source, 'failed', 'the changes of orders are not known at the moment');
      }
      return (signal) => orderUpdates(view, number, after, signal);
    },
  };
}

/** Operators have no orders. */
function customerOf({ identity }: RequestContext): string | undefined {
  return identity?.roles.includes('customer') ? identity.subject : undefined;
}

/** What of other services has to be seen is no matter of orders. */
function ofOrders({ position, commits, seen }: Requirement): Requirement {
  const isOfOrders = (one: { readonly source: string }) => one.source === source;
  return { position, commits: commits.filter(isOfOrders), seen: seen.filter(isOfOrders) };
}
