import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '@portico/runtime/seeded-random.ts';
import type { Front, ShopUnderTest } from '../history/shop-under-test.fixture.ts';

/** An order that a customer wanted, and what came of asking for it. */
export interface WantedOrder {
  readonly customer: string;
  readonly key: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  readonly paymentToken: string;
  /** Every number that an answer gave; one, however often it was asked for. */
  readonly numbers: Set<string>;
  /** Whether it was refused before it was an order. */
  refused?: string;
}

export interface Placing {
  readonly shop: Pick<ShopUnderTest, 'fronts' | 'issuer'>;
  readonly products: readonly string[];
  readonly customers: readonly string[];
  readonly count: number;
  /** How many customers order at once. */
  readonly concurrency: number;
  /** How long each asks for an answer: under more than a machine bears it takes many tries. */
  readonly patienceMs: number;
  readonly random: Random;
  /** Told of each order that was taken, once. */
  readonly onOrder?: (order: { readonly number: string; readonly customer: string }) => void;
  /** Nothing new is ordered after it; what was begun is asked for to its end. */
  readonly signal: AbortSignal;
}

/** Longer than an answer takes on a busy machine with something dead in it. */
const answerMs = 10_000;

/**
 * Customers order scarce products through all BFFs, with good and bad payment tokens; each asks with its key until it has an
 * answer, some twice at once through web and phone, and some cancel.
 */
export async function placeOrders(placing: Placing): Promise<WantedOrder[]> {
  const { count, concurrency, signal, random } = placing;
  const wanted: WantedOrder[] = [];
  const one = async (own: Random) => {
    while (wanted.length < count && !signal.aborted) {
      const order = wantOrder(placing, own, wanted.length);
      wanted.push(order);
      const twice = own() < 0.1;
      await Promise.all([ask(placing, order, own), ...(twice ? [ask(placing, order, own)] : [])]);
      for (const number of order.numbers) placing.onOrder?.({ number, customer: order.customer });
      if (own() < 0.15) await cancel(placing, order, own);
    }
  };
  const seeds = Array.from({ length: concurrency }, () => Math.floor(random() * 2 ** 32));
  await Promise.all(seeds.map((seed) => one(createRandom(seed))));
  return wanted;
}

function wantOrder({ products, customers }: Placing, random: Random, index: number): WantedOrder {
  const first = Math.floor(random() * products.length);
  const lines = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, at) => ({
    productId: String(products[(first + at * 7) % products.length]),
    quantity: 1 + Math.floor(random() * 3),
  }));
  const dice = random();
  const paymentToken =
    dice < 0.75 ? 'tok_ok' : dice < 0.9 ? 'tok_declined' : dice < 0.95 ? 'tok_slow' : 'tok_unreachable';
  const customer = String(customers[Math.floor(random() * customers.length)]);
  return { customer, key: `key-${index}`, lines, paymentToken, numbers: new Set() };
}

async function ask(placing: Placing, order: WantedOrder, random: Random): Promise<void> {
  const attempt = (front: Front, authorization: string) => sendOrder(front, authorization, order);
  await untilAnswered(placing, random, attempt, order.customer);
}

/** Sends an order to a BFF, and notes what the answer says. @returns whether it says what became of the order */
export async function sendOrder(front: Front, authorization: string, order: WantedOrder): Promise<boolean> {
  const { status, body } =
    front.kind === 'mobile'
      ? await post(`${front.url}/api/v1/orders`, authorization, toPhoneOrder(order), {
          'Idempotency-Key': order.key,
        })
      : await post(`${front.url}/graphql`, authorization, toWebOrder(order));
  if (status >= 500) return false;
  const number = body.number ?? body.data?.placeOrder?.order?.number;
  if (number !== undefined) order.numbers.add(String(number));
  else if (isForNow(status, body)) return false;
  else order.refused = JSON.stringify(body);
  return true;
}

async function cancel(placing: Placing, order: WantedOrder, random: Random): Promise<void> {
  const [number] = order.numbers;
  if (number === undefined) return;
  await untilAnswered(
    placing,
    random,
    async (front, authorization) => {
      const query = `mutation { cancelOrder(number: "${number}") { order { status } } }`;
      const { status, body } =
        front.kind === 'mobile'
          ? await post(`${front.url}/api/v1/orders/${number}/cancel`, authorization, {})
          : await post(`${front.url}/graphql`, authorization, { query });
      // What can't be cancelled any more is said so.
      return status < 500 && !isForNow(status, body);
    },
    order.customer,
  );
}

/** Tries one BFF after the other: some are dead. */
async function untilAnswered(
  { shop, patienceMs }: Placing,
  random: Random,
  attempt: (front: Front, authorization: string) => Promise<boolean>,
  customer: string,
): Promise<void> {
  const authorization = `Bearer ${await shop.issuer.mint({ sub: customer, roles: ['customer'] })}`;
  const giveUpAt = performance.now() + patienceMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, 2_000)) {
    const front = shop.fronts[Math.floor(random() * shop.fronts.length)] as Front;
    const answered = await attempt(front, authorization).catch((error: unknown) => error);
    if (answered === true) return;
    if (performance.now() > giveUpAt)
      throw new Error(`nobody answered for ${patienceMs} ms, ${front.name} last`, { cause: answered });
    // Who comes back at once, with everybody else, keeps what has come up again from answering.
    await delay(pauseMs * (0.5 + random()));
  }
}

/** A GraphQL error that says nothing of the order itself: something behind the BFF was away. */
function isForNow(status: number, body: Body): boolean {
  const codes = (body.errors ?? []).map(({ extensions }) => extensions?.code);
  return status === 429 || codes.some((code) => forNow.test(String(code)));
}

const forNow = /^(SERVICE_|TIMEOUT|UNAVAILABLE|INTERNAL)/;

interface Body {
  readonly number?: string;
  readonly data?: { readonly placeOrder?: { readonly order?: { readonly number?: string } } | null } | null;
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[];
}

async function post(
  url: string,
  authorization: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', authorization, ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answerMs),
  });
  return { status: answer.status, body: (await answer.json()) as Body };
}

function toPhoneOrder({ lines, paymentToken }: WantedOrder) {
  return { lines, paymentToken };
}

function toWebOrder({ key, lines, paymentToken }: WantedOrder) {
  const input = {
    idempotencyKey: key,
    paymentToken,
    lines: lines.map(({ productId, quantity }) => ({ sku: productId, quantity })),
  };
  const query = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { number } } }';
  return { query, variables: { input } };
}
