/** Mocks of the shop's services: what the BFFs join from several of them must fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contract, mockOf, read } from './mock.fixture.ts';

const catalog = mockOf(contract('catalog'));
const inventory = mockOf(contract('inventory'));
const reviews = mockOf(contract('reviews'));
const customers = mockOf(contract('customers'));

interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: { readonly amount: number };
  readonly category: { readonly id: string };
}

test('a page of 20 products has names, prices and categories of a shop, no two alike', async () => {
  const { items, next } = await read(catalog, '/products?limit=20');
  assert.deepEqual(
    items.map(({ id }: Product) => id),
    Array.from({ length: 20 }, (_, index) => `p${index + 1}`),
  );
  assert.equal(new Set(items.map(({ name }: Product) => name)).size, 20);
  assert.ok(next);
  const categories = (await read(catalog, '/categories')).items.map(({ id }: { id: string }) => id);
  assert.ok(items.every(({ category }: Product) => categories.includes(category.id)));
});

test('a product is the same in a list, by ids and alone, with the very id that was asked for', async () => {
  const { items } = await read(catalog, '/products?limit=50');
  assert.deepEqual(await read(catalog, '/products/p33'), items[32]);
  const { items: byIds, cursors, next } = await read(catalog, '/products?ids=p33,p7,p4711');
  assert.deepEqual(byIds.slice(0, 2), [items[32], items[6]]);
  assert.equal(byIds[2].id, 'p4711');
  assert.deepEqual([cursors, next], [[], null]);
});

test('cursors walk a list to its end, each item once, and from any item', async () => {
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = await read(catalog, `/products?limit=15${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.items.map(({ id }: Product) => id));
    cursor = page.next;
  }
  assert.equal(seen.length, 50);
  assert.equal(new Set(seen).size, 50);
  const { cursors } = await read(catalog, '/products?limit=5');
  assert.equal((await read(catalog, `/products?limit=1&cursor=${cursors[2]}`)).items[0].id, 'p4');
});

test('a cursor of another list is refused', async () => {
  const { next } = await read(catalog, '/products?limit=5');
  await catalog.get(`/products?cursor=${next}&category=books`).expect(400);
  await catalog.get(`/products?cursor=${next}&sort=price_asc`).expect(400);
  await catalog.get('/products?cursor=nonsense').expect(400);
});

test('a list is filtered by a member, and sorted by one where the sort names it', async () => {
  const books: Product[] = (await read(catalog, '/products?category=books&limit=50')).items;
  assert.ok(books.length > 1 && books.length < 50);
  assert.ok(books.every(({ category }) => category.id === 'books'));
  const { items } = await read(catalog, '/products?sort=price_desc&limit=50');
  const prices = items.map(({ price }: Product) => price.amount);
  assert.deepEqual(
    prices,
    prices.toSorted((one: number, other: number) => other - one),
  );
  assert.deepEqual((await read(catalog, '/products?category=nothing')).items, []);
});

test('stock and ratings answer one item for each id, in the order asked for', async () => {
  for (const [mock, path] of [
    [inventory, '/stock'],
    [reviews, '/ratings'],
  ] as const) {
    const { items } = await read(mock, `${path}?ids=p9,p2,p999`);
    assert.deepEqual(
      items.map(({ productId }: { productId: string }) => productId),
      ['p9', 'p2', 'p999'],
    );
  }
  assert.deepEqual(await read(inventory, '/stock/p2'), (await read(inventory, '/stock?ids=p2')).items[0]);
});

test('the first reviews of products are those of their lists, where a reader can go on, and name customers', async () => {
  const { items } = await read(reviews, '/product-reviews?ids=p2,p3&first=2');
  for (const { productId, reviews: first, cursors } of items) {
    const all = (await read(reviews, `/products/${productId}/reviews?limit=100`)).items;
    assert.deepEqual(first, all.slice(0, 2));
    assert.ok(all.every((review: { productId: string }) => review.productId === productId));
    const more = await read(reviews, `/products/${productId}/reviews?limit=1&cursor=${cursors[1]}`);
    assert.deepEqual(more.items, all.slice(2, 3));

    const ids = all.map(({ id }: { id: string }) => id);
    assert.deepEqual((await read(reviews, `/reviews?ids=${ids}`)).items, all);
    const authors = [...new Set(all.map(({ customerId }: { customerId: string }) => customerId))];
    assert.equal((await read(customers, `/customers?ids=${authors}`)).items.length, authors.length);
    assert.equal(all.length, (await read(reviews, `/ratings?ids=${productId}`)).items[0].count);
  }
});

test('a command answers with what was sent', async () => {
  const product = await read(catalog, '/products/p1');
  const priced = await catalog.put('/products/p1/price').send({ amount: 1 }).expect(200);
  assert.deepEqual(priced.body, { ...product, price: { ...product.price, amount: 1 } });
  const renamed = await customers.patch('/customers/c7').send({ displayName: 'Zoë' }).expect(200);
  assert.deepEqual(renamed.body, { id: 'c7', displayName: 'Zoë' });
  const stocked = await inventory.put('/stock/p4').send({ quantity: 5 }).expect(200);
  assert.equal(stocked.body.quantity, 5);

  const sent = { stars: 2, body: 'Too loud.' };
  const post = () => reviews.post('/products/p5/reviews').set('Idempotency-Key', 'k1').send(sent).expect(201);
  const { body } = await post();
  assert.deepEqual(
    { ...body, id: '', createdAt: '', customerId: '' },
    { ...sent, productId: 'p5', id: '', createdAt: '', customerId: '' },
  );
  assert.match(body.customerId, /^c[1-9]/);
  assert.deepEqual((await post()).body, body);
});

test('nothing that was sent is kept', async () => {
  const before = await read(catalog, '/products/p1');
  await catalog.put('/products/p1/price').send({ amount: 1 }).expect(200);
  assert.deepEqual(await read(catalog, '/products/p1'), before);
});

test('requests are validated as the services do it', async () => {
  for (const [request, status] of [
    [catalog.get('/products?limit=0'), 400],
    [catalog.get('/products?colour=red'), 400],
    [catalog.get('/products/x1'), 404],
    [catalog.delete('/products/p1'), 405],
    [catalog.put('/products/p1/price').send({ amount: -1 }), 400],
    [reviews.get('/ratings'), 400],
    [reviews.post('/products/p1/reviews').send({ stars: 1, body: 'x' }), 400],
  ] as const) {
    const { body } = await request.expect(status);
    assert.match(body.type, /^urn:portico:problem:/);
  }
});
