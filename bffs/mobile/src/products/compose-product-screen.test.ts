import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { composeProductScreen, type ProductScreenParts } from './compose-product-screen.ts';

const review = {
  id: 'r1',
  productId: 'p1',
  customerId: 'c1',
  stars: 4,
  body: 'Good.',
  createdAt: '2025-02-01T00:00:00.000Z',
};
const parts: ProductScreenParts = {
  product: {
    id: 'p1',
    name: 'Kettle',
    description: 'Pours.',
    imageUrl: '/images/coffee/p1.svg',
    category: { id: 'coffee', name: 'Coffee' },
    price: { amount: 4990, currency: 'EUR' },
    createdAt: '2025-01-01T00:00:00.000Z',
  },
  stock: { ok: true, value: { productId: 'p1', quantity: 3, reserved: 1 } },
  rating: { ok: true, value: { productId: 'p1', average: 4.5, count: 2 } },
  reviews: { ok: true, value: [{ review, displayName: { ok: true, value: 'Ada L.' } }] },
};

describe('The page of a product', () => {
  it('has everything that the parts gave', () => {
    assert.deepEqual(composeProductScreen(parts), {
      id: 'p1',
      name: 'Kettle',
      description: 'Pours.',
      category: { id: 'coffee', name: 'Coffee' },
      price: { amount: 4990, currency: 'EUR' },
      imageUrl: '/images/coffee/p1.svg',
      availability: { inStock: true, quantity: 3 },
      rating: { average: 4.5, count: 2 },
      reviews: [
        {
          id: 'r1',
          stars: 4,
          body: 'Good.',
          createdAt: '2025-02-01T00:00:00.000Z',
          author: { displayName: 'Ada L.' },
        },
      ],
    });
  });

  it('is degraded by the name of an author that did not come, and not by an author who is gone', () => {
    const by = (displayName: { ok: true; value: null } | { ok: false; from: 'customers' }) =>
      composeProductScreen({ ...parts, reviews: { ok: true, value: [{ review, displayName }] } });
    assert.deepEqual(by({ ok: true, value: null }).reviews?.[0]?.author, null);
    assert.equal('degraded' in by({ ok: true, value: null }), false);
    assert.deepEqual(by({ ok: false, from: 'customers' }).reviews?.[0]?.author, null);
    assert.deepEqual(by({ ok: false, from: 'customers' }).degraded, ['customers']);
  });

  it('comes without all other parts', () => {
    const screen = composeProductScreen({
      product: parts.product,
      stock: { ok: false, from: 'inventory' },
      rating: { ok: false, from: 'reviews' },
      reviews: { ok: false, from: 'reviews' },
    });
    const { name, availability, rating, reviews, degraded } = screen;
    assert.deepEqual([name, availability, rating, reviews], ['Kettle', null, null, null]);
    assert.deepEqual(degraded, ['inventory', 'reviews']);
  });
});
