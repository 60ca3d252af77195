import assert from 'node:assert/strict';
import type { CoherentShop } from './coherent-shop.fixture.ts';

export type Fields = Readonly<Record<string, string>>;

/** A price by GraphQL and by REST, in turn. */
const readers = [
  async (gateway: string, sku: string, fields: Fields) => {
    const { body } = await graphql(gateway, `{ product(sku: "${sku}") { price { amount } } }`, fields);
    return body.data.product.price.amount as number;
  },
  async (gateway: string, sku: string, fields: Fields) => {
    const answer = await fetch(`${gateway}/api/v1/products/${sku}`, { headers: fields });
    const body = (await answer.json()) as { price: { amount: number } };
    return body.price.amount;
  },
];

export async function graphql(gateway: string, query: string, fields: Fields = {}) {
  const headers = { 'Content-Type': 'application/json', ...fields };
  const answer = await fetch(`${gateway}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what comes is what was asked for
  const body = (await answer.json()) as any;
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  return { answer, body };
}

/** Resolves as soon as both instances of both BFFs answer out of their caches. */
export async function untilWarm({ gateways }: CoherentShop): Promise<void> {
  for (const gateway of gateways) {
    for (const path of ['/api/v1/products/p1', '/graphql?query={product(sku:"p1"){price{amount}}}']) {
      let status: string | null = '';
      while (!/portico-\w+; hit/.test(String(status))) {
        const answer = await fetch(gateway + path);
        status = answer.headers.get('cache-status');
        await answer.text();
      }
    }
  }
}

/**
 * Sets a price through one gateway and reads it at once through the other, with the command's token or without one; what
 * is read was in the caches of all before. Gives how many reads were stale.
 */
export async function countStale(shop: CoherentShop, rounds: number, withToken: boolean): Promise<number> {
  const { gateways, issuer } = shop;
  let stale = 0;
  for (let round = 0; round < rounds; round += 1) {
    const sku = `p${(round % 20) + 1}`;
    const [near = '', far = ''] = round % 2 === 0 ? gateways : gateways.toReversed();
    for (const read of readers) await read(far, sku, {});
    const amount = 100_000 + round;
    const command = `mutation { setPrice(sku: "${sku}", amount: ${amount}) { product { price { amount } } } }`;
    const { answer, body } = await graphql(near, command, issuer.root);
    assert.equal(body.data.setPrice.product.price.amount, amount, 'what a command selects');
    const token = answer.headers.get('portico-consistency');
    assert.ok(token);
    const read = readers[Math.floor(round / 2) % readers.length];
    const seen = await read?.(far, sku, withToken ? { 'Portico-Consistency': token } : {});
    if (seen !== amount) stale += 1;
  }
  return stale;
}
