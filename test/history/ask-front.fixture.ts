import type { Random } from '@portico/runtime/seeded-random.ts';
import type { Front } from './shop-under-test.fixture.ts';

/** What a BFF said. */
export interface Shown {
  /** By key; a part that failed is not there. */
  readonly values: Readonly<Record<string, number>>;
  readonly token: string | undefined;
}

/** A client's memory of answers, by address, for conditional requests. */
export type KeptAnswers = Map<string, { readonly etag: string; readonly values: Shown['values'] }>;

const tokenField = 'Portico-Consistency';
/** Longer than an answer takes on a busy machine. */
const patienceMs = 5_000;

/** Asks for a page or a product, at random. @throws when there is no answer with data */
export function askFront(
  front: Pick<Front, 'kind' | 'url'>,
  random: Random,
  products: readonly string[],
  token: string | undefined,
  kept: KeptAnswers,
): Promise<Shown> {
  const product = String(products[Math.floor(random() * products.length)]);
  const choice = Math.floor(random() * 3);
  const first = products.length;
  if (front.kind === 'web') {
    const query = [
      `{ products(first: ${first}) { edges { node { ...Shown } } } } ${shown}`,
      `{ products(first: ${first}, sort: PRICE_ASC) { edges { node { ...Shown } } } } ${shown}`,
      `{ product(sku: "${product}") { ...Shown } } ${shown}`,
    ][choice];
    return askWeb(front.url, String(query), token);
  }
  const path = [`products?limit=${first}`, 'home', `products/${product}`][choice];
  return askMobile(`${front.url}/api/v1/${path}`, token, kept);
}

/** Sets a price or a stock, as an operator does. @throws when nobody knows whether it is set */
export async function setByFront(
  { kind, url }: Pick<Front, 'kind' | 'url'>,
  what: 'price' | 'stock',
  product: string,
  value: number,
  token: string | undefined,
  operator: { readonly authorization: string },
): Promise<Shown> {
  const headers = { 'Content-Type': 'application/json', ...operator, ...fieldOf(token) };
  const amount = what === 'price' ? 'amount' : 'quantity';
  const send = async (path: string, method: string, body: object) => {
    const init = { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(patienceMs) };
    const answer = await fetch(`${url}${path}`, init);
    const said = await answer.json();
    if (!answer.ok || said.errors !== undefined) throw new Error(`not set: ${JSON.stringify(said)}`);
    return { said, token: tokenOf(answer) };
  };
  if (kind === 'mobile') {
    const set = await send(`/api/v1/operator/products/${product}/${what}`, 'PUT', { [amount]: value });
    return { values: {}, token: set.token };
  }
  const field = what === 'price' ? 'setPrice' : 'setStock';
  const mutation = `mutation { ${field}(sku: "${product}", ${amount}: ${value}) { product { ...Shown } } } ${shown}`;
  const set = await send('/graphql', 'POST', { query: mutation });
  return { values: valuesOf([set.said.data[field].product], 'sku'), token: set.token };
}

const shown = 'fragment Shown on Product { sku price { amount } availability { quantity } }';

/** A product as either BFF shows it. */
interface Product {
  readonly sku?: string;
  readonly id?: string;
  readonly price: { readonly amount: number };
  readonly availability?: { readonly quantity: number } | null;
}

async function askWeb(url: string, query: string, token: string | undefined): Promise<Shown> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...fieldOf(token) },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(patienceMs),
  });
  const { data } = (await answer.json()) as {
    data?: { product?: Product | null; products?: { edges: { node: Product }[] } };
  };
  const products = data?.products?.edges.map(({ node }) => node) ?? data?.product ?? undefined;
  if (products === undefined) throw new Error(`no data: ${answer.status}`);
  return { values: valuesOf([products].flat(), 'sku'), token: tokenOf(answer) };
}

async function askMobile(url: string, token: string | undefined, kept: KeptAnswers): Promise<Shown> {
  const before = kept.get(url);
  const headers = { ...fieldOf(token), ...(before && { 'If-None-Match': before.etag }) };
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(patienceMs) });
  const body = await answer.text();
  if (answer.status === 304 && before !== undefined) {
    return { values: before.values, token: tokenOf(answer) };
  }
  if (answer.status !== 200) throw new Error(`no data: ${answer.status}`);
  const screen = JSON.parse(body);
  const values = valuesOf(screen.items ?? (screen.featured?.concat(screen.newest) || [screen]), 'id');
  const etag = answer.headers.get('ETag');
  if (etag !== null) kept.set(url, { etag, values });
  return { values, token: tokenOf(answer) };
}

/** Of a key that one answer shows twice, the older value counts. */
function valuesOf(products: readonly Product[], id: 'sku' | 'id'): Record<string, number> {
  const values: Record<string, number> = {};
  const found = (key: string, value: number | undefined) => {
    if (value !== undefined) values[key] = Math.min(value, values[key] ?? value);
  };
  for (const product of products) {
    found(`price:${product[id]}`, product.price.amount);
    found(`stock:${product[id]}`, product.availability?.quantity);
  }
  return values;
}

function fieldOf(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { [tokenField]: token };
}

function tokenOf(answer: Response): string | undefined {
  return answer.headers.get(tokenField) ?? undefined;
}
