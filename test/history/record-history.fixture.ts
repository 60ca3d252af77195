import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '@portico/runtime/seeded-random.ts';
import { askFront, type KeptAnswers, setByFront } from './ask-front.fixture.ts';
import type { Event } from './history.ts';
import type { Front, ShopUnderTest } from './shop-under-test.fixture.ts';

export interface Recorded {
  readonly events: readonly Event[];
  /** How many requests brought no answer with data, by BFF and reason: it was dead, frozen or overloaded. */
  readonly unanswered: Readonly<Record<string, number>>;
}

export interface Recording {
  readonly shop: Pick<ShopUnderTest, 'sql' | 'catalog' | 'inventory' | 'issuer'>;
  readonly fronts: readonly Pick<Front, 'name' | 'kind' | 'url'>[];
  readonly products: readonly string[];
  /** How many clients carry their token from answer to answer, and how many don't. */
  readonly clients: { readonly withToken: number; readonly without: number };
  readonly random: Random;
  /** Ends it. */
  readonly signal: AbortSignal;
}

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
  const { products, clients } = recording;
  const events: Event[] = [];
  const own = () => createRandom(Math.floor(recording.random() * 2 ** 32));
  const unanswered: Record<string, number> = {};
  const failed: OnFailure = (front, error) => {
    const { name, message, cause } = error as Error & { cause?: { code?: string } };
    const reason = `${front}: ${cause?.code ?? (name === 'Error' ? message : name)}`;
    unanswered[reason] = (unanswered[reason] ?? 0) + 1;
  };
  const fronts = recording.fronts.map((front) => ({ ...front, asking: 0 }));
  const readers = Array.from({ length: clients.withToken + clients.without }, (_, index) =>
    read(
      { ...recording, random: own() },
      fronts,
      `client ${index + 1}`,
      index < clients.withToken,
      events,
      failed,
    ),
  );
  const third = Math.ceil(products.length / 3);
  const part = (index: number) => ({
    ...recording,
    products: products.slice(index * third, (index + 1) * third),
    random: own(),
  });
  const writers = services.flatMap((service) => [
    writeBySql(part(0), service, events),
    writeByCommand(part(1), service, events),
    writeByFront(part(2), service, events),
  ]);
  await Promise.all(writers);
  await Promise.all(readers);
  return { events, unanswered };
}

type OnFailure = (front: string, error: unknown) => void;

/** Asks each BFF until it shows what was written last. @throws when one still doesn't after half a minute */
export async function untilCaughtUp(
  { fronts, products }: Pick<Recording, 'fronts' | 'products'>,
  events: readonly Event[],
): Promise<void> {
  const last = new Map<string, number>();
  for (const event of events) {
    if (event.kind === 'write' && event.acknowledged !== null) last.set(event.key, event.value);
  }
  const isThere = ([key, value]: [string, number]) => value >= (last.get(key) ?? value);
  for (const front of fronts) {
    const giveUpAt = performance.now() + 30_000;
    for (let shown: Record<string, number> | string = ''; ; ) {
      try {
        shown = (await askFront(front, () => 0, products, undefined, new Map())).values;
        if (Object.entries(shown).every(isThere)) break;
      } catch (error) {
        shown = String(error);
      }
      if (performance.now() > giveUpAt) throw new Error(`${front.name}: ${JSON.stringify(shown)}`);
      await delay(50);
    }
  }
}

type Asked = Recording['fronts'][number] & { asking: number };

/** Of two BFFs taken at random the one that fewer wait for: a frozen one would soon hold up all clients. */
function freest(fronts: readonly Asked[], random: Random): Asked {
  const [one, other] = [0, 1].map(() => fronts[Math.floor(random() * fronts.length)] as Asked) as [
    Asked,
    Asked,
  ];
  return other.asking < one.asking ? other : one;
}

async function read(
  { products, random, signal }: Recording,
  fronts: readonly Asked[],
  client: string,
  withToken: boolean,
  events: Event[],
  failed: OnFailure,
): Promise<void> {
  const kept: KeptAnswers = new Map();
  let token: string | undefined;
  while (!signal.aborted) {
    const front = freest(fronts, random);
    front.asking += 1;
    const sent = performance.now();
    try {
      const answer = await askFront(front, random, products, token, kept);
      const received = performance.now();
      const tokens = { tokenIn: token, tokenOut: answer.token };
      events.push({ kind: 'read', client, at: front.name, sent, received, values: answer.values, ...tokens });
      if (withToken) token = answer.token ?? token;
    } catch (error) {
      failed(front.name, error);
    }
    front.asking -= 1;
    await delay(random() * 5);
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

/** Sets some of the products at once, in one transaction. */
async function writeBySql(
  { shop, products, random, signal }: Recording,
  service: Service,
  events: Event[],
): Promise<void> {
  for (let value = initialValue + 1; !signal.aborted; value++) {
    const ids = products.filter(() => random() < 0.4);
    const invoked = performance.now();
    await setAll(shop, service, value, ids);
    const acknowledged = performance.now();
    for (const id of ids)
      events.push({ kind: 'write', key: keyOf(service, id), value, invoked, acknowledged });
    await delay(random() * 60);
  }
}

/** Sets one product after the other. What a service that was killed left undone, or not, has settled before the next one. */
async function writeByCommand(
  { shop, products, random, signal }: Recording,
  service: Service,
  events: Event[],
): Promise<void> {
  for (let value = initialValue + 1; !signal.aborted; value++) {
    const id = String(products[Math.floor(random() * products.length)]);
    const [path, body] =
      service === 'catalog'
        ? [`products/${id}/price`, { amount: value }]
        : [`stock/${id}`, { quantity: value }];
    const invoked = performance.now();
    const isKnown = await fetch(`${shop[service].url}/${path}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', ...shop.issuer.root },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(3_000),
    }).then(
      async (answer) => (await answer.text()) !== '' && answer.ok,
      () => false,
    );
    const acknowledged = isKnown ? performance.now() : null;
    events.push({ kind: 'write', key: keyOf(service, id), value, invoked, acknowledged });
    await delay(isKnown ? random() * 60 : 500);
  }
}

/** An operator sets one product after the other through any BFF, and looks at once through any other, with the token. */
async function writeByFront(
  { shop, fronts, products, random, signal }: Recording,
  service: Service,
  events: Event[],
): Promise<void> {
  const client = `operator of ${service}`;
  const any = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  let token: string | undefined;
  for (let value = initialValue + 1; !signal.aborted; value++) {
    const id = any(products);
    const write = { kind: 'write', key: keyOf(service, id), value, invoked: performance.now() } as const;
    const what = service === 'catalog' ? 'price' : 'stock';
    const front = any(fronts);
    try {
      const set = await setByFront(front, what, id, value, token, shop.issuer.root);
      const at = performance.now();
      events.push({ ...write, acknowledged: at, tokenIn: token, tokenOut: set.token });
      token = set.token;
      // What the command's own answer shows is seen with the token that it gives.
      const { values } = set;
      events.push({ kind: 'read', client, at: front.name, sent: at, received: at, values, tokenIn: token });
    } catch {
      events.push({ ...write, acknowledged: null });
      await delay(500);
      continue;
    }
    const other = any(fronts);
    const sent = performance.now();
    const answer = await askFront(other, () => 0.99, [id], token, new Map()).catch(() => undefined);
    if (answer === undefined) continue;
    const received = performance.now();
    const tokens = { tokenIn: token, tokenOut: answer.token };
    events.push({ kind: 'read', client, at: other.name, sent, received, values: answer.values, ...tokens });
    token = answer.token ?? token;
    await delay(random() * 40);
  }
}
