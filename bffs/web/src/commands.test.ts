import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { httpAnswer, type Script, startScriptedServer } from '@portico/testing/scripted-server.ts';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import { createTestWeb } from './web-bff.fixture.ts';

let shop: ShopServices;
let issuer: TokenIssuer;
before(async () => {
  shop = await startShopServices();
  issuer = await startTokenIssuer();
});
after(() => Promise.all([shop.close(), issuer.close()]));

const json = { 'Content-Type': 'application/json' };
const stockOf = (quantity: number) => ({ productId: 'p1', quantity, reserved: 0 });

/** The BFF before an inventory that answers commands by a script. */
async function open(t: { after(end: () => unknown): void }, script: Script) {
  const inventory = await startScriptedServer(script);
  t.after(inventory.close);
  const consistency = createConsistency({ key: 'k'.repeat(32) });
  const web = createTestWeb({
    urls: { ...shop.urls, inventory: inventory.url },
    verifyToken: issuer.verify,
    consistency,
    ...consistency.reading,
  });
  t.after(web.close);
  return { inventory, web };
}
const setStock = 'mutation { setStock(sku: "p1", quantity: 5) { product { availability { quantity } } } }';

test('what a command changed is read anew, and by later requests with its token', async (t) => {
  let quantity = 9;
  const { inventory, web } = await open(t, ({ method }) => {
    if (method === 'PUT') quantity = 5;
    const body = method === 'PUT' ? stockOf(quantity) : { items: [stockOf(quantity)] };
    return [httpAnswer(200, JSON.stringify(body), { ...json, 'Commit-Id': 'inventory:77' })];
  });
  const read = '{ product(sku: "p1") { availability { quantity } } }';
  const quantityIn = ({ body }: { body: { data: { product: { availability: object } } } }) =>
    body.data.product.availability;
  assert.deepEqual(quantityIn(await web.query(read)), { quantity: 9 });
  const set = await web.query(setStock).set(issuer.root);
  assert.deepEqual(set.body, { data: { setStock: { product: { availability: { quantity: 5 } } } } });
  const put = inventory.requests.find(({ method }) => method === 'PUT');
  assert.deepEqual([put?.target, await put?.body], ['/stock/p1', '{"quantity":5}']);
  assert.equal(new Map(put?.fields).get('authorization'), issuer.root.authorization);

  quantity = 4;
  const token = String(set.headers['portico-consistency']);
  assert.deepEqual(quantityIn(await web.query(read).set('Portico-Consistency', token)), { quantity: 4 });
  const forged = await web.query(read).set('Portico-Consistency', `${token}x`);
  assert.equal(forged.headers['portico-consistency'], undefined);
});

test('a refusal of the service has a code of its own, and nothing is sent twice', async (t) => {
  const problem = { 'Content-Type': 'application/problem+json' };
  for (const [status, code, type] of [
    [400, 'BAD_USER_INPUT'],
    [401, 'UNAUTHENTICATED'],
    [403, 'FORBIDDEN'],
    [404, 'NOT_FOUND'],
    [409, 'BAD_USER_INPUT'],
    [422, 'IDEMPOTENCY_CONFLICT', 'urn:portico:problem:conflict'],
    [503, 'SERVICE_UNAVAILABLE'],
  ] as const) {
    const body = JSON.stringify({ detail: 'said by the service', type });
    const { inventory, web } = await open(t, () => [httpAnswer(status, body, problem)]);
    const answer = await web.query(setStock).set(issuer.root);
    assert.deepEqual(answer.body.errors[0].extensions, { code, service: 'inventory' });
    assert.equal(inventory.requests.length, 1);
  }
});

test('a command needs a user, a product that there can be, and POST', async (t) => {
  const { inventory, web } = await open(t, () => [httpAnswer(500)]);
  const codeOf = ({ body }: { body: { errors: { extensions: { code: string } }[] } }) =>
    body.errors[0]?.extensions.code;
  assert.equal(codeOf(await web.query(setStock)), 'UNAUTHENTICATED');
  const nowhere = setStock.replace('"p1"', '"../p1"');
  assert.equal(codeOf(await web.query(nowhere).set(issuer.root)), 'NOT_FOUND');
  const review = (key: string, sku: string) =>
    `mutation { addReview(input: { idempotencyKey: "${key}", sku: "${sku}", stars: 5, body: "x" }) { review { id } } }`;
  assert.equal(codeOf(await web.query(review('', 'p1')).set(issuer.ada)), 'BAD_USER_INPUT');
  assert.equal(codeOf(await web.query(review('k', 'p99999')).set(issuer.ada)), 'NOT_FOUND');
  assert.deepEqual(inventory.requests, []);
});
