import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '@portico/runtime/seeded-random.ts';
import { askFront, type KeptAnswers, type Question, setByFront } from './ask-front.fixture.ts';
import type { HistoryChecker } from './check-history.ts';
import type { Event } from './history.ts';
import type { Front, ShopUnderTest } from './shop-under-test.fixture.ts';

export interface Recorded {
  /** How many requests brought no answer with data, by BFF and reason: it was dead, frozen or overloaded. */
  readonly unanswered: Readonly<Record<string, number>>;
  /** How many answers of clients came from a cache. */
  readonly hits: number;
  /** What was written last to each key, as far as its writer knows. */
  readonly last: ReadonlyMap<string, number>;
}

export interface Recording {
  readonly shop: Pick<ShopUnderTest, 'sql' | 'catalog' | 'inventory' | 'issuer'>;
  readonly fronts: readonly Pick<Front, 'name' | 'kind' | 'url'>[];
  /** Those that come first are read and written most. */
  readonly products: readonly string[];
  /** How many clients carry their token from answer to answer, and how many don't. */
  readonly clients: { readonly withToken: number; readonly without: number };
  /** Told of everything, and what of it is over. */
  readonly checker: Pick<HistoryChecker, 'add' | 'judgeBefore'>;
  readonly random: Random;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What clients and writers share. */
interface Taking extends Omit<Recording, 'fronts' | 'checker'> {
  readonly fronts: readonly Asked[];
  readonly add: (event: Event) => void;
  /** Runs something whose events are known only when it is over, from this moment on. */
  readonly during: (work: (since: number) => Promise<void>) => Promise<void>;
  readonly failed: (front: Asked, error: unknown) => void;
  readonly hit: () => void;
}

type Asked = Recording['fronts'][number] & { asking: number; refusedAt: number };

const initialValue = 1_000;
const services = ['catalog', 'inventory'] as const;
type Service = (typeof services)[number];

/** Sets every price and stock to one value, and waits until nobody may show an older one. @returns it by key */
export async function setInitialValues(
  shop: Pick<ShopUnderTest, 'sql'>,
  products: readonly string[],
): Promise<Record<string, number>> {
  for (const service of services) await setAll(shop, service, initialValue, products);
  await delay(2_500);
  const keys = services.flatMap((service) => products.map((id) => keyOf(service, id)));
  return Object.fromEntries(keys.map((key) => [key, initialValue]));
}

/**
 * Clients read through all BFFs in turn, while writers set every price and every stock to growing values, behind the
 * services' back and by their commands; until the signal aborts.
 */
export async function recordHistory(recording: Recording): Promise<Recorded> {
  const { products, clients, checker } = recording;
  const unanswered: Record<string, number> = {};
  const last = new Map<string, number>();
  const underWay = new Set<{ readonly since: number }>();
  let hits = 0;
  const taking = (of: readonly string[]): Taking => ({
    ...recording,
    products: of,
    fronts,
    random: createRandom(Math.floor(recording.random() * 2 ** 32)),
    hit: () => {
      hits += 1;
    },
    add: (event) => {
      if (event.kind === 'write' && event.acknowledged !== null) last.set(event.key, event.value);
      checker.add(event);
    },
    during: async (work) => {
      const one = { since: performance.now() };
      underWay.add(one);
      await work(one.since).finally(() => underWay.delete(one));
    },
    failed: (front, error) => {
      const { name, message, code } = error as Error & { code?: string };
      if (code === 'ECONNREFUSED') front.refusedAt = performance.now();
      const reason = `${front.name}: ${code ?? (name === 'Error' ? message : name)}`;
      unanswered[reason] = (unanswered[reason] ?? 0) + 1;
    },
  });
  const fronts = recording.fronts.map((front) => ({
    ...front,
    asking: 0,
    refusedAt: Number.NEGATIVE_INFINITY,
  }));
  const readers = Array.from({ length: clients.withToken + clients.without }, (_, index) =>
    read(taking(products), `client ${index + 1}`, index < clients.withToken),
  );
  const writers = services.flatMap((service) =>
    [writeBySql, writeByCommand, writeByFront].map((write, third) =>
      write(taking(products.filter((_, index) => index % 3 === third)), service),
    ),
  );
  const judging = setInterval(() => {
    checker.judgeBefore(Math.min(performance.now(), ...[...underWay].map(({ since }) => since)));
  }, 200);
  await Promise.all([...readers, ...writers]).finally(() => clearInterval(judging));
  return { unanswered, hits, last };
}

/** Asks each BFF until it shows what was written last. @throws when one still doesn't after half a minute */
export async function untilCaughtUp(
  fronts: Recording['fronts'],
  last: ReadonlyMap<string, number>,
): Promise<void> {
  const isThere = ([key, value]: [string, number]) => value >= (last.get(key) ?? value);
  for (const front of fronts) {
    const giveUpAt = performance.now() + 30_000;
    for (let shown: Record<string, number> | string = ''; ; ) {
      try {
        shown = (await askFront(front, 'list', undefined, new Map())).values;
        if (Object.entries(shown).every(isThere)) break;
      } catch (error) {
        shown = String(error);
      }
      if (performance.now() > giveUpAt) throw new Error(`${front.name}: ${JSON.stringify(shown)}`);
      await delay(50);
    }
  }
}

/** One that refused a connection is left alone for so long. */
const aloneMs = 50;
/** One of so many questions asks for a whole list: it shows as many values, and costs as much. */
const listEvery = 50;

/** Of two BFFs taken at random the one that fewer wait for: a frozen one would soon hold up all clients. */
function freest({ fronts, random }: Taking): Asked {
  const isAway = ({ refusedAt }: Asked) => performance.now() - refusedAt < aloneMs;
  const there = fronts.filter((front) => !isAway(front));
  const from = there.length > 0 ? there : fronts;
  const [one, other] = [0, 1].map(() => from[Math.floor(random() * from.length)]) as [Asked, Asked];
  return other.asking < one.asking ? other : one;
}

/** Of items the first more often than the last. */
function popular<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() ** 2 * items.length)] as Item;
}

function anyQuestion({ products, random }: Taking): Question {
  if (random() * listEvery >= 1) return { product: popular(products, random) };
  return random() < 0.5 ? 'list' : 'other list';
}

async function read(taking: Taking, client: string, withToken: boolean): Promise<void> {
  const { random, signal, add, during, failed, hit } = taking;
  const kept: KeptAnswers = new Map();
  let token: string | undefined;
  while (!signal.aborted) {
    const front = freest(taking);
    front.asking += 1;
    await during(async (sent) => {
      const answer = await askFront(front, anyQuestion(taking), token, kept);
      const received = performance.now();
      const tokens = { tokenIn: token, tokenOut: answer.token };
      add({ kind: 'read', client, at: front.name, sent, received, values: answer.values, ...tokens });
      if (answer.isHit) hit();
      if (withToken) token = answer.token ?? token;
    }).catch((error) => failed(front, error));
    front.asking -= 1;
    // At once, now and then, and as a rule after what a person takes to look.
    await delay(random() ** 3 * 300);
  }
}

const keyOf = (service: Service, id: string) => `${service === 'catalog' ? 'price' : 'stock'}:${id}`;

function setAll(shop: Pick<ShopUnderTest, 'sql'>, service: Service, value: number, ids: readonly string[]) {
  const statement =
    service === 'catalog'
      ? 'update products set price_amount = $1 where id = any($2)'
      : 'update stock set quantity = $1 where product_id = any($2)';
  return shop.sql(service, statement, [value, ids]);
}

/** Writers pause for so long at most: answers are kept for a while, and most of them are asked for again meanwhile. */
const longestPauseMs = 500;

/** Sets some of the products at once, in one transaction. */
async function writeBySql({ shop, products, random, signal, add, during }: Taking, service: Service) {
  for (let value = initialValue + 1; !signal.aborted; value++) {
    const ids = [...new Set([1, 2, 3].map(() => popular(products, random)))];
    await during(async (invoked) => {
      await setAll(shop, service, value, ids);
      const acknowledged = performance.now();
      for (const id of ids) add({ kind: 'write', key: keyOf(service, id), value, invoked, acknowledged });
    });
    await delay(random() * longestPauseMs);
  }
}

/** Sets one product after the other. What a service that was killed left undone, or not, has settled before the next one. */
async function writeByCommand({ shop, products, random, signal, add, during }: Taking, service: Service) {
  for (let value = initialValue + 1; !signal.aborted; value++) {
    const id = popular(products, random);
    const [path, body] =
      service === 'catalog'
        ? [`products/${id}/price`, { amount: value }]
        : [`stock/${id}`, { quantity: value }];
    let isKnown = false;
    await during(async (invoked) => {
      isKnown = await fetch(`${shop[service].url}/${path}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json', ...shop.issuer.root },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(3_000),
      }).then(
        async (answer) => (await answer.text()) !== '' && answer.ok,
        () => false,
      );
      const acknowledged = isKnown ? performance.now() : null;
      add({ kind: 'write', key: keyOf(service, id), value, invoked, acknowledged });
    });
    await delay(isKnown ? random() * longestPauseMs : 500);
  }
}

/** An operator sets one product after the other through any BFF, and looks at once through any other, with the token. */
async function writeByFront(taking: Taking, service: Service) {
  const { shop, products, random, signal, add, during, failed } = taking;
  const client = `operator of ${service}`;
  const what = service === 'catalog' ? 'price' : 'stock';
  let token: string | undefined;
  for (let value = initialValue + 1; !signal.aborted; value++) {
    const product = popular(products, random);
    const key = keyOf(service, product);
    let isKnown = false;
    const front = freest(taking);
    await during(async (invoked) => {
      try {
        const set = await setByFront(front, what, product, value, token, shop.issuer.root);
        const at = performance.now();
        add({ kind: 'write', key, value, invoked, acknowledged: at, tokenIn: token, tokenOut: set.token });
        token = set.token;
        // What the command's own answer shows is seen with the token that it gives.
        add({
          kind: 'read',
          client,
          at: front.name,
          sent: at,
          received: at,
          values: set.values,
          tokenIn: token,
        });
        isKnown = true;
      } catch (error) {
        add({ kind: 'write', key, value, invoked, acknowledged: null });
        failed(front, error);
      }
    });
    if (!isKnown) {
      await delay(500);
      continue;
    }
    const other = freest(taking);
    await during(async (sent) => {
      const answer = await askFront(other, { product }, token, new Map());
      const received = performance.now();
      const tokens = { tokenIn: token, tokenOut: answer.token };
      add({ kind: 'read', client, at: other.name, sent, received, values: answer.values, ...tokens });
      token = answer.token ?? token;
    }).catch((error) => failed(other, error));
    await delay(random() * longestPauseMs);
  }
}
