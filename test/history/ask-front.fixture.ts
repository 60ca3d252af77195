import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'undici';
import type { Front } from './shop-under-test.fixture.ts';

/** What a BFF said. */
export interface Shown {
  /** By key; a part that failed is not there. */
  readonly values: Readonly<Record<string, number>>;
  readonly token: string | undefined;
  /** Whether nothing was asked for it. */
  readonly isHit: boolean;
}

/** A client's memory of answers, by address, for conditional requests. */
export type KeptAnswers = Map<string, { readonly etag: string; readonly values: Shown['values'] }>;

const tokenField = 'Portico-Consistency';
/** Longer than an answer takes on a busy machine. */
const patienceMs = 5_000;
const longestList = 50;
/** Answers of a BFF, on connections that are kept. */
const patience = { headersTimeout: patienceMs, bodyTimeout: patienceMs };

/** All products, all by another order, or one. */
export type Question = 'list' | 'other list' | { readonly product: string };

/** Asks for as many products as a list may have, or for one. @throws when there is no answer with data */
export function askFront(
  { kind, url }: Pick<Front, 'kind' | 'url'>,
  question: Question,
  token: string | undefined,
  kept: KeptAnswers,
): Promise<Shown> {
  if (typeof question === 'object') {
    const { product } = question;
    return kind === 'web'
      ? askWeb(url, `{ product(sku: "${product}") { ...Shown } } ${shown}`, token)
      : askMobile(`${url}/api/v1/products/${product}`, token, kept);
  }
  if (kind === 'web') {
    const sort = question === 'list' ? '' : ', sort: PRICE_ASC';
    const query = `{ products(first: ${longestList}${sort}) { edges { node { ...Shown } } } } ${shown}`;
    return askWeb(url, query, token);
  }
  const path = question === 'list' ? `products?limit=${longestList}` : 'home';
  return askMobile(`${url}/api/v1/${path}`, token, kept);
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
  const send = async (path: string, method: 'PUT' | 'POST', command: object) => {
    const init = { ...patience, method, headers, body: JSON.stringify(command) };
    const { statusCode, body, headers: answered } = await request(`${url}${path}`, init);
    // biome-ignore lint/suspicious/noExplicitAny: what comes is what was asked for
    const answer = (await body.json()) as any;
    if (statusCode !== 200 || answer.errors !== undefined)
      throw new Error(`not set: ${JSON.stringify(answer)}`);
    return { answer, ...said(answered) };
  };
  if (kind === 'mobile') {
    const set = await send(`/api/v1/operator/products/${product}/${what}`, 'PUT', { [amount]: value });
    return { ...set, values: {} };
  }
  const field = what === 'price' ? 'setPrice' : 'setStock';
  const mutation = `mutation { ${field}(sku: "${product}", ${amount}: ${value}) { product { ...Shown } } } ${shown}`;
  const set = await send('/graphql', 'POST', { query: mutation });
  return { ...set, values: valuesOf([set.answer.data[field].product], 'sku') };
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
  const { statusCode, headers, body } = await request(`${url}/graphql`, {
    ...patience,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...fieldOf(token) },
    body: JSON.stringify({ query }),
  });
  const { data } = (await body.json()) as {
    data?: { product?: Product | null; products?: { edges: { node: Product }[] } };
  };
  const products = data?.products?.edges.map(({ node }) => node) ?? data?.product ?? undefined;
  if (products === undefined) throw new Error(`no data: ${statusCode}`);
  return { values: valuesOf([products].flat(), 'sku'), ...said(headers) };
}

async function askMobile(url: string, token: string | undefined, kept: KeptAnswers): Promise<Shown> {
  const before = kept.get(url);
  const fields = { ...fieldOf(token), ...(before && { 'If-None-Match': before.etag }) };
  const { statusCode, headers, body } = await request(url, { ...patience, headers: fields });
  const text = await body.text();
  if (statusCode === 304 && before !== undefined) return { values: before.values, ...said(headers) };
  if (statusCode !== 200) throw new Error(`no data: ${statusCode}`);
  const screen = JSON.parse(text);
  const values = valuesOf(screen.items ?? (screen.featured?.concat(screen.newest) || [screen]), 'id');
  if (typeof headers.etag === 'string') kept.set(url, { etag: headers.etag, values });
  return { values, ...said(headers) };
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

/** What stands in an answer's head. */
function said(headers: IncomingHttpHeaders): Pick<Shown, 'token' | 'isHit'> {
  const { 'portico-consistency': token, 'cache-status': status } = headers;
  return { token: token?.toString(), isHit: /; hit/.test(String(status)) };
}
