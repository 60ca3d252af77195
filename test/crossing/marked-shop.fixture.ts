import type { TokenVerifier } from '@portico/runtime/access-token.ts';
import { startChangingShop } from '@portico/testing/changing-shop.ts';
import { startOrdersShop } from '@portico/testing/orders-shop.ts';
import { productChanged } from '@portico/testing/shop-events.ts';
import type { ShopFault, ShopService } from '@portico/testing/shop-services.ts';
import { customers, type Marked } from './marks.fixture.ts';

/** The product below which both have written reviews, so that their names are public there, and nowhere else. */
export const reviewedProduct = 'p9';

/**
 * A shop whose data name two marked customers where they are meant to be named: each has an account, and three orders. The oldest
 * of these was changed behind the service's back, so that views know nothing of it and the service is asked.
 */
export async function startMarkedShop(verify: TokenVerifier) {
  const shop = await startChangingShop(['catalog', 'inventory', 'reviews', 'customers'], {
    validateAnswers: false,
  });
  const orders = await startOrdersShop({ verify }, shop.connect);
  const { data, commit } = shop;
  data.customers.push(...customers.map(({ id, name }) => ({ id, displayName: name })));
  for (const [at, review] of data.reviews.entries()) {
    if (review.productId !== reviewedProduct) continue;
    data.reviews[at] = { ...review, customerId: customers[at % customers.length]?.id ?? '' };
  }
  const price = { amount: 300, currency: 'EUR' };
  const placed = { lines: [{ productId: 'p1', quantity: 1, unitPrice: price }], total: price };
  for (const { id, orders: numbers } of customers) {
    for (const number of numbers) await orders.append(number, 'order-placed', placed, id);
  }
  for (const {
    id,
    orders: [oldest = ''],
  } of customers) {
    const event = {
      orderNumber: oldest,
      version: 1,
      customerId: id,
      type: 'order-placed',
      at: new Date(0).toISOString(),
      data: placed,
    };
    const traced = { ...event, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` };
    await orders.appendEvents([
      { type: 'order-event-appended', key: `${oldest}:1`, data: { before: traced, after: traced } },
    ]);
  }

  const wentOn = new Map<string, number>();

  return {
    urls: { ...shop.urls, orders: orders.url },
    connect: shop.connect,
    /** Nobody looks at what was called: it would only grow. */
    forgetCalls: () => {
      shop.takeCalls();
      orders.takeCalls();
    },
    rename: async (id: string, displayName: string) => {
      const at = data.customers.findIndex((each) => each.id === id);
      const [before, after] = [data.customers[at], { id, displayName }];
      data.customers[at] = after;
      await commit('customers', {
        type: 'customer-changed',
        key: id,
        data: { before: before ?? null, after },
      });
    },
    setPrice: async (id: string, amount: number) => {
      const at = data.products.findIndex((each) => each.id === id);
      const before = data.products[at];
      if (before === undefined) throw new Error(`there is no ${id}`);
      const after = { ...before, price: { ...before.price, amount } };
      data.products[at] = after;
      await commit('catalog', productChanged(before, after));
    },
    /** An order goes on, for a while; then there are new ones. */
    goOn: async ({ id, ordersBegin, orders: numbers }: Marked) => {
      const nth = (wentOn.get(id) ?? 0) + 1;
      wentOn.set(id, nth);
      if (nth <= 20) await orders.append(numbers[1] ?? '', 'order-went-on');
      else await orders.append(`${ordersBegin}${numbers.length + nth}`, 'order-placed', placed, id);
    },
    setFault: shop.setFault,
    setOrdersAway: orders.setAway,
    /** The next call of the service, and no other. */
    failOnce: (service: ShopService, fault: ShopFault) => {
      shop.setFault(service, fault);
      const end = (call: { readonly service: ShopService }) => {
        if (call.service !== service) return;
        shop.events.off('call', end);
        // It is announced before it fails.
        setImmediate(() => shop.setFault(service, undefined));
      };
      shop.events.on('call', end);
    },
    close: async () => {
      await orders.close();
      await shop.close();
    },
  };
}
