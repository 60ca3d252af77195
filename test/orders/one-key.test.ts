import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRedis } from '@portico/testing/engines.ts';
import { type Front, startShopUnderTest } from '../history/shop-under-test.fixture.ts';
import { checkBooks, untilEnded } from './check-books.fixture.ts';
import { sendOrder, type WantedOrder } from './place-orders.fixture.ts';

const products = Array.from({ length: 20 }, (_, index) => `p${index + 1}`);
const customers = Array.from({ length: 5 }, (_, index) => `c${index + 1}`);
const skip = findRedis() === undefined ? 'no Redis on this machine' : false;

test('of one key sent to web and phone at once, 100 times, come 100 orders: stock and ledger have each once', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const shop = await startShopUnderTest(products.length, { sells: true });
  t.after(() => shop.close());
  const pieces = 50;
  await shop.sql('inventory', 'update stock set quantity = $1', [pieces]);
  const [web, , phone] = shop.fronts as [Front, Front, Front];
  const wanted: WantedOrder[] = [];
  const order = async (customer: string) => {
    const authorization = `Bearer ${await shop.issuer.mint({ sub: customer, roles: ['customer'] })}`;
    for (const product of products) {
      // The keys of a customer are nobody else's.
      const [key, lines] = [`key-${product}`, [{ productId: product, quantity: 2 }]];
      const one: WantedOrder = { customer, key, lines, paymentToken: 'tok_ok', numbers: new Set() };
      wanted.push(one);
      const send = async (front: Front) => {
        while (!(await sendOrder(front, authorization, one)));
      };
      await Promise.all([send(web), send(phone)]);
    }
  };
  await Promise.all(customers.map(order));
  const books = await untilEnded(shop.postgres.databases, 60_000);
  assert.equal(books.orders.length, 100);
  assert.deepEqual(
    books.orders.filter(({ status }) => status !== 'CONFIRMED' && status !== 'SHIPPED'),
    [],
  );
  checkBooks(books, wanted, new Map(products.map((id) => [id, pieces])));
});
