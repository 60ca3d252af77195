import type { Random } from '@portico/runtime/seeded-random.ts';
import { reviewedProduct } from './marked-shop.fixture.ts';
import type { Marked } from './marks.fixture.ts';

/** Somebody who asks: by a session, by a token, or as nobody. */
export interface Somebody {
  readonly customer: Marked | undefined;
  readonly fields: Readonly<Record<string, string>>;
  readonly hasSession: boolean;
  /** Has the role that orders take. */
  readonly hasOrders: boolean;
  /** Whether the session is being ended, or was. */
  end: 'none' | 'under way' | 'over';
}

/** A question that all put alike, and what is right for each. */
export interface Ask {
  readonly name: string;
  readonly path: string;
  /** Sent by POST, as JSON; a GET, or HEAD, when left out. */
  readonly body?: object;
  readonly accept?: string;
  /** Whom it is answered to; everybody when left out. */
  readonly to?: 'customers' | 'those with orders' | 'sessions';
  /** Undefined for a route where sessions and tokens say nothing. */
  readonly knowsUsers?: false;
  /** The answer is about whoever asks, and has an entity tag that nobody else's answer has; or has it by chance. */
  readonly isOwn?: true | 'by chance';
  /** The only one who finds what is asked for, where not everybody does. */
  readonly of?: Marked;
  /** What is in each whole answer to a customer, who may have the role that orders take. */
  readonly has?: (customer: Marked, hasOrders: boolean) => string;
  /** What the asker has said himself, and may be said to him. */
  readonly echoes?: string;
  /** The names of customers are public in it. */
  readonly namesAuthors?: boolean;
  /** Asked together, as a batch. */
  readonly parts?: readonly Ask[];
}

/** Makes a question about one of the customers. @param since where a sync has come to */
type MakeAsk = (of: Marked, random: Random, since: string) => Ask;

const nameOf = ({ name }: Marked) => name;
const ordersOf = ({ ordersBegin }: Marked, hasOrders: boolean) => (hasOrders ? ordersBegin : '');
const own = { isOwn: true } as const;
const someProduct = (random: Random) => `p${1 + Math.floor(random() * 8)}`;
const cursorBefore = (of: Marked) => Buffer.from(`orders:${of.orders.at(-1)}`).toString('base64url');

/** Answers that are kept as they are until something changes. */
const keptAsks: readonly MakeAsk[] = [
  () => ({ name: 'GET me', path: '/api/v1/me', to: 'customers', has: ({ id }) => id, ...own }),
  () => ({ name: 'GET home', path: '/api/v1/home' }),
  () => ({ name: 'GET products', path: '/api/v1/products?limit=5' }),
  () => ({ name: 'GET products', path: '/api/v1/products?sort=price_asc&limit=4&fields=id,name,price' }),
  (_, random) => ({ name: 'GET product', path: `/api/v1/products/${someProduct(random)}` }),
];

/** Answers that who asks the same at the same time gets together, and nobody later. */
const sharedAsks: readonly MakeAsk[] = [
  () => ({
    name: 'GET me/orders',
    path: '/api/v1/me/orders',
    to: 'those with orders',
    has: ordersOf,
    ...own,
  }),
  () => ({
    name: 'GET me/orders',
    path: '/api/v1/me/orders?limit=2',
    to: 'those with orders',
    has: ordersOf,
    ...own,
  }),
  (of) => ({
    name: "GET me/orders after one's",
    path: `/api/v1/me/orders?limit=2&cursor=${cursorBefore(of)}`,
    to: 'those with orders',
    // Somebody else's cursor is before all orders, or behind.
    isOwn: 'by chance',
  }),
  (of, random) => {
    const number = of.orders[Math.floor(random() * of.orders.length)] ?? '';
    const path = `/api/v1/orders/${number}`;
    return {
      name: "GET one's order",
      path,
      to: 'those with orders',
      of,
      has: () => number,
      echoes: number,
      ...own,
    };
  },
  (_of, random, since) => {
    const place = since !== '' && random() < 0.5 ? `&since=${since}` : '';
    return { name: 'GET sync', path: `/api/v1/sync?limit=5${place}` };
  },
];

const otherAsks: readonly MakeAsk[] = [
  () => ({ name: 'GET reviewed product', path: `/api/v1/products/${reviewedProduct}`, namesAuthors: true }),
  () => ({ name: 'GET auth/session', path: '/auth/session', to: 'sessions', has: ({ id }) => id }),
  () => ({ name: 'GET openapi', path: '/api/openapi.json', knowsUsers: false }),
  () => ({ name: 'GET docs', path: '/api/docs', knowsUsers: false }),
];

/** As many as a batch takes, most of them of those that are kept. */
const batchAsk: MakeAsk = (of, random, since) => {
  const parts = [...keptAsks, ...keptAsks, ...keptAsks, ...sharedAsks];
  return { name: 'POST batch', path: '/api/v1/batch', parts: parts.map((make) => make(of, random, since)) };
};

interface Query {
  readonly query: string;
  readonly variables?: object;
  readonly operationName?: string;
  readonly has?: Ask['has'];
  readonly of?: Marked;
  readonly namesAuthors?: boolean;
}

const authors =
  'reviews(first: 3) { edges { node { author { id displayName orders(first: 2) { edges { node { number } } } } } } }';
const queries: readonly ((of: Marked) => Query)[] = [
  () => ({ query: '{ me { id displayName } }', has: nameOf }),
  () => ({ query: '{ me { displayName } product(sku: "p1") { name price { amount } } }', has: nameOf }),
  () => ({
    query:
      '{ me { orders(first: 2) { edges { cursor node { id number status lines { product { name } } } } } } }',
    has: ordersOf,
  }),
  () => ({
    query: '{ me { displayName orders { pageInfo { endCursor } } } categories { slug } }',
    has: nameOf,
  }),
  ({ orders }) => ({
    query:
      'query ($number: String!) { order(number: $number) { id number timeline { type } } me { displayName } }',
    variables: { number: orders[1] },
    has: nameOf,
  }),
  (of) => ({
    query:
      'query ($after: String) { me { displayName orders(first: 2, after: $after) { edges { node { number } } } } }',
    variables: { after: cursorBefore(of) },
    has: nameOf,
  }),
  ({ id }) => ({
    query:
      'query ($id: ID!) { node(id: $id) { ... on Customer { displayName orders { edges { node { number } } } } } }',
    variables: { id: Buffer.from(`Customer:${id}`).toString('base64url') },
    namesAuthors: true,
  }),
  ({ orders }) => ({
    query:
      'query ($id: ID!) { me { id displayName } node(id: $id) { ... on Order { number total { amount } } } }',
    variables: { id: Buffer.from(`Order:${orders[2]}`).toString('base64url') },
    has: nameOf,
  }),
  () => ({
    query: `{ product(sku: "${reviewedProduct}") { name ${authors} } }`,
    namesAuthors: true,
    has: ordersOf,
  }),
  () => ({
    query: 'query All { categories { slug } } query Own { me { id displayName } }',
    operationName: 'Own',
    has: nameOf,
  }),
  () => ({
    query: '{ products(first: 5) { edges { node { name price { amount } availability { quantity } } } } }',
  }),
];

const answerType = 'application/graphql-response+json';

const graphqlAsks = queries.map(
  (make): MakeAsk =>
    (of, random) => {
      const { has, namesAuthors = false, ...sent } = make(of);
      const ask = { namesAuthors, ...(has && { has }) };
      if (random() < 0.5) return { name: 'POST graphql', path: '/graphql', body: sent, ...ask };
      const parameters = Object.entries(sent).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]);
      const path = `/graphql?${new URLSearchParams(Object.fromEntries(parameters))}`;
      return { name: 'GET graphql', path, accept: answerType, ...ask };
    },
);

const live = `subscription { productUpdated(sku: "${reviewedProduct}") { name ${authors} } }`;
const streamAsk: MakeAsk = () => ({
  name: 'GET graphql, live',
  path: `/graphql?query=${encodeURIComponent(live)}`,
  accept: 'text/event-stream',
  namesAuthors: true,
  has: ordersOf,
});

/** Some more often than others. */
const asks: readonly MakeAsk[] = [
  ...[...keptAsks, ...keptAsks, ...sharedAsks, ...otherAsks, ...graphqlAsks],
  ...[streamAsk, batchAsk, batchAsk, batchAsk, batchAsk, batchAsk, batchAsk],
];

/** One of all questions, about one of the customers. */
export function someAsk(of: Marked, random: Random, since: string): Ask {
  const make = asks[Math.floor(random() * asks.length)] as MakeAsk;
  return make(of, random, since);
}

/** The status of an answer to somebody, when nothing fails. */
export function rightStatus({ to, of }: Ask, { customer, hasSession, hasOrders }: Somebody): number {
  if (to === 'sessions') return hasSession ? 200 : 401;
  if (to !== undefined && customer === undefined) return 401;
  if (to === 'those with orders' && !hasOrders) return 403;
  return of !== undefined && of !== customer ? 404 : 200;
}
