import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CardParts } from './compose-product-card.ts';
import { composeProductPage } from './compose-product-page.ts';

const product = {
  id: 'p1',
  name: 'Kettle',
  description: 'Pours.',
  imageUrl: '/images/coffee/p1.svg',
  category: { id: 'coffee', name: 'Coffee' },
  price: { amount: 4990, currency: 'EUR' },
  createdAt: '2025-01-01T00:00:00.000Z',
};
const card: CardParts = {
  product,
  stock: { ok: true, value: { productId: 'p1', quantity: 3, reserved: 1 } },
  rating: { ok: true, value: { productId: 'p1', average: 4.5, count: 2 } },
};

describe('A page of products', () => {
  it('has cards with these members and no others, whatever the services send', () => {
    const talkative = { ...product, margin: 7, price: { ...product.price, cost: 1 } };
    const page = composeProductPage([{ ...card, product: talkative }], 'more', undefined);
    assert.deepEqual(page, {
      items: [
        {
          id: 'p1',
          name: 'Kettle',
          price: { amount: 4990, currency: 'EUR' },
          imageUrl: '/images/coffee/p1.svg',
          inStock: true,
          rating: { average: 4.5, count: 2 },
        },
      ],
      next: 'more',
    });
  });

  it('has what was picked, and always the id', () => {
    assert.deepEqual(composeProductPage([card], null, ['name']).items, [{ id: 'p1', name: 'Kettle' }]);
  });

  it('says of what inventory and reviews know nothing of that it is sold out and not rated', () => {
    const unknown = { product, stock: { ok: true, value: null }, rating: { ok: true, value: null } } as const;
    const page = composeProductPage([unknown], null, ['inStock', 'rating']);
    assert.deepEqual(page, {
      items: [{ id: 'p1', inStock: false, rating: { average: 0, count: 0 } }],
      next: null,
    });
  });

  it('names each part that failed once, also if it failed for some products only', () => {
    const half: CardParts = { ...card, stock: { ok: false, from: 'inventory' } };
    const none: CardParts = { ...half, rating: { ok: false, from: 'reviews' } };
    const page = composeProductPage([card, none, half], null, ['inStock', 'rating']);
    assert.deepEqual(page.degraded, ['inventory', 'reviews']);
    assert.deepEqual(
      page.items.map(({ inStock, rating }) => [inStock, rating?.count]),
      [
        [true, 2],
        [null, undefined],
        [null, 2],
      ],
    );
  });
});
