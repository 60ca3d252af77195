/** The shop with all its processes: who did something sees it, whichever instance answers. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type CoherentShop, startCoherentShop } from './coherent-shop.fixture.ts';
import { countStale, type Fields, graphql, untilWarm } from './read-your-writes.fixture.ts';

const json = { 'Content-Type': 'application/json' };

describe('Reading what one wrote, through another instance', { timeout: 120_000 }, () => {
  let shop: CoherentShop;
  let near: string;
  let far: string;
  before(async () => {
    shop = await startCoherentShop();
    [near, far] = shop.gateways;
    await untilWarm(shop);
  });
  after(() => shop?.stop());

  const put = (path: string, body: object, fields: Fields = {}) =>
    fetch(`${near}/api/v1/operator/products/${path}`, {
      method: 'PUT',
      headers: { ...json, ...shop.issuer.root, ...fields },
      body: JSON.stringify(body),
    });
  const page = async (id: string, fields: Fields) => {
    const answer = await fetch(`${far}/api/v1/products/${id}`, { headers: fields });
    assert.equal(answer.status, 200);
    return { body: (await answer.json()) as Page, token: tokenOf(answer) };
  };

  it('is never stale with the token of the command', async (t) => {
    const rounds = 40;
    const without = await countStale(shop, rounds, false);
    t.diagnostic(`without the token ${without} of ${rounds} reads were stale`);
    assert.equal(await countStale(shop, rounds, true), 0);
  });

  it('shows a price change and the stock change after it in one read', async () => {
    for (const round of [1, 2, 3, 4, 5]) {
      await page('p7', {});
      const priced = await put('p7/price', { amount: 7_000 + round });
      assert.deepEqual(await priced.json(), { id: 'p7', price: { amount: 7_000 + round, currency: 'EUR' } });
      const stocked = await put('p7/stock', { quantity: round }, tokenOf(priced));
      assert.deepEqual(await stocked.json(), { id: 'p7', availability: { inStock: true, quantity: round } });
      const { body } = await page('p7', tokenOf(stocked));
      assert.deepEqual([body.price.amount, body.availability.quantity], [7_000 + round, round]);
    }
  });

  it('works for a browser with the cookie that the gateway keeps', async () => {
    const query = '{ product(sku: "p8") { price { amount } } }';
    await graphql(far, query);
    const command = 'mutation { setPrice(sku: "p8", amount: 8888) { product { sku } } }';
    const { answer } = await graphql(near, command, shop.issuer.root);
    const [cookie = ''] = answer.headers.getSetCookie();
    assert.match(cookie, /^portico-consistency=[\w.-]+; Max-Age=10; Path=\/; HttpOnly; SameSite=Strict$/);
    const { body } = await graphql(far, query, { Cookie: `theme=dark; ${cookie.split(';', 1)[0]}` });
    assert.equal(body.data.product.price.amount, 8888);
  });

  it('adds a review once for each key, and shows it', async () => {
    const key = randomUUID();
    const add = (stars: number) =>
      fetch(`${near}/api/v1/products/p9/reviews`, {
        method: 'POST',
        headers: { ...json, ...shop.issuer.ada, 'Idempotency-Key': key },
        body: JSON.stringify({ stars, body: 'As good as new.' }),
      });
    await page('p9', {});
    const first = await add(4);
    assert.equal(first.status, 201);
    const review = (await first.json()) as { id: string };
    const { body } = await page('p9', tokenOf(first));
    assert.equal(body.reviews[0]?.id, review.id);

    const again = await add(4);
    assert.deepEqual([again.status, await again.json()], [201, review]);
    const other = await add(5);
    const problem = (await other.json()) as { code: string };
    assert.deepEqual([other.status, problem.code], [422, 'IDEMPOTENCY_CONFLICT']);
  });
});

interface Page {
  readonly price: { readonly amount: number };
  readonly availability: { readonly quantity: number };
  readonly reviews: readonly { readonly id: string }[];
}

function tokenOf(answer: Response): Fields {
  const token = answer.headers.get('portico-consistency');
  assert.ok(token);
  return { 'Portico-Consistency': token };
}
