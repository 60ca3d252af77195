/** Phones that keep the catalogue: the real services with PostgreSQL, capture and hub, two mobile BFFs, and random changes by SQL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import type { components } from '@portico/contracts/generated/mobile.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import pg from 'pg';
import { type Program, startProgram } from './programs.fixture.ts';

type SyncPage = components['schemas']['SyncPage'];
type ProductCard = components['schemas']['ProductCard'];

const services = ['catalog', 'inventory', 'reviews'] as const;
const productCount = 60;
const changes = 240;

/** An app that keeps what it is told. */
interface Phone {
  readonly cards: Map<string, ProductCard>;
  since: string | undefined;
  /** How often it had to start again. */
  startedAgain: number;
}

const newPhone = (): Phone => ({ cards: new Map(), since: undefined, startedAgain: 0 });
const sorted = (cards: ReadonlyMap<string, ProductCard>) => [...cards].sort(([a], [b]) => (a < b ? -1 : 1));

describe('A phone that syncs', { timeout: 180_000 }, () => {
  let postgres: TestPostgres;
  let issuer: TokenIssuer;
  const databases: Partial<Record<(typeof services)[number], pg.Pool>> = {};
  const programs: Program[] = [];
  const bff: Record<string, string | undefined> = {};
  /** One of them behind a gateway, as phones see it. */
  const mobiles: Program[] = [];
  let gateway: Program;

  const start = async (path: string, env: Record<string, string | undefined>) => {
    const settings = { PORTICO_DEMO_PRODUCTS: String(productCount), OIDC_ISSUER: issuer.issuer, ...env };
    const program = await startProgram(path, settings);
    programs.push(program);
    return program;
  };
  const startMobile = (port = '0') => start('bffs/mobile/src/main.ts', { ...bff, PORT: port });
  const sql = (source: (typeof services)[number], text: string) => databases[source]?.query(text);

  before(async () => {
    issuer = await startTokenIssuer();
    postgres = await startPostgres({ databases: [...services, 'hub'], captured: services });
    bff.HUB_URL = postgres.databases.hub;
    bff.PORTICO_TOKEN_KEY = 'a key of this test alone'.repeat(2);
    bff.CUSTOMERS_URL = 'http://127.0.0.1:1';
    const captures: Record<string, string | undefined> = {};
    for (const name of services) {
      const connectionString = postgres.databases[name];
      databases[name] = new pg.Pool({ connectionString }).on('error', () => {});
      const env = { DATABASE_URL: connectionString };
      bff[`${name.toUpperCase()}_URL`] = (await start(`mock-services/${name}/src/main.ts`, env)).url;
      captures[`CAPTURE_${name.toUpperCase()}_URL`] = postgres.captures[name];
    }
    await start('packages/change-stream/src/capture/main.ts', { HUB_URL: bff.HUB_URL, ...captures });
    mobiles.push(await startMobile(), await startMobile());
    const [{ url = '' } = {}] = mobiles;
    gateway = await start('gateway/src/main.ts', {
      WEB_URL: url,
      MOBILE_URL: url,
      SITE_URL: url,
      ...signInSettings,
    });
  });
  after(async () => {
    for (const { child } of programs) child.kill('SIGKILL');
    await Promise.all(Object.values(databases).map((pool) => pool.end()));
    await Promise.all([postgres?.stop(), issuer?.close()]);
  });

  const doors = () => [gateway.url, String(mobiles[1]?.url)];
  const sync = async (phone: Phone, door: string, limit = 100): Promise<SyncPage | undefined> => {
    const since = phone.since === undefined ? '' : `&since=${phone.since}`;
    const answer = await fetch(`${door}/api/v1/sync?limit=${limit}${since}`);
    if (answer.status === 410) {
      phone.since = undefined;
      phone.startedAgain += 1;
    }
    if (answer.status !== 200) {
      const problem = await answer.text();
      assert.ok([410, 503].includes(answer.status), problem);
      // Not heard of on a busy machine, or just started.
      if (answer.status === 503) await delay(50);
      return undefined;
    }
    const page = (await answer.json()) as SyncPage;
    if (phone.since === undefined) phone.cards.clear();
    for (const { id, data } of page.changes) {
      if (data === undefined) phone.cards.delete(id);
      else phone.cards.set(id, data);
    }
    phone.since = page.next;
    return page;
  };
  const fetchAll = async (door: string) => {
    const cards = new Map<string, ProductCard>();
    for (let cursor = ''; ; ) {
      const answer = await fetch(`${door}/api/v1/products?sort=newest&limit=100${cursor}`);
      const { items, next } = (await answer.json()) as { items: ProductCard[]; next: string | null };
      for (const card of items) cards.set(card.id, card);
      if (next === null) return cards;
      cursor = `&cursor=${next}`;
    }
  };

  let marks = 1_000;
  /** Until all that is committed by now is told: what each source says last of p1 comes behind it. */
  const catchUp = async (phone: Phone, door: string) => {
    marks += 1;
    const mark = 900_000_000 + marks;
    await sql(
      'catalog',
      `insert into products (id, name, category_id, price_amount) values ('p${marks}', 'Mark', 'toys', ${mark})`,
    );
    await sql('inventory', `insert into stock (product_id, quantity) values ('p${marks}', 1)`);
    await sql(
      'reviews',
      `insert into reviews (product_id, customer_id, stars, body) values ('p${marks}', 'c1', 3, 'Last.')`,
    );
    for (;;) {
      const page = await sync(phone, door);
      const { price, inStock, rating } = phone.cards.get(`p${marks}`) ?? {};
      if (page?.hasMore === false && price?.amount === mark && inStock && rating?.count === 1) return;
    }
  };
  const isWhole = async (phone: Phone) => {
    for (const door of doors()) {
      await catchUp(phone, door);
      assert.deepEqual(sorted(phone.cards), sorted(await fetchAll(door)));
    }
    const prices = await sql(
      'catalog',
      'select id, price_amount::int as price from products order by id collate "C"',
    );
    assert.deepEqual(
      sorted(phone.cards).map(([id, card]) => ({ id, price: card.price.amount })),
      prices?.rows,
    );
  };

  it('has what a full fetch gives after random changes by SQL, whichever instance it asked and whenever', async (t) => {
    const random = createRandom(11);
    const number = (limit: number) => 1 + Math.floor(random() * limit);
    const anyOf = (table: string, column: string) =>
      `(select ${column} from ${table} order by md5(${column} || '${number(1_000)}') limit 1)`;
    let created = 200;
    const kinds: (() => [(typeof services)[number], string])[] = [
      () => [
        'catalog',
        `update products set price_amount = ${number(90_000)} where id = ${anyOf('products', 'id')}`,
      ],
      () => ['catalog', `update products set name = name || '!' where id = ${anyOf('products', 'id')}`],
      () => [
        'catalog',
        `update products set created_at = now() - interval '${number(900)} days' where id = ${anyOf('products', 'id')}`,
      ],
      () => [
        'catalog',
        `update products set price_amount = price_amount + 1 where category_id = ${anyOf('categories', 'id')}`,
      ],
      () => ['catalog', `delete from products where id = ${anyOf('products', 'id')}`],
      () => [
        'catalog',
        `insert into products (id, name, category_id, price_amount) values ('p${created++}', 'New', 'toys', ${number(900)})`,
      ],
      () => ['catalog', `update products set id = 'p${created++}' where id = ${anyOf('products', 'id')}`],
      () => [
        'inventory',
        `update stock set quantity = ${number(3) - 1} where product_id = ${anyOf('stock', 'product_id')}`,
      ],
      () => ['inventory', `delete from stock where product_id = ${anyOf('stock', 'product_id')}`],
      () => [
        'reviews',
        `insert into reviews (product_id, customer_id, stars, body) values ('p${number(created)}', 'c1', ${number(5)}, 'New.')`,
      ],
      () => [
        'reviews',
        `update reviews set product_id = 'p${number(created)}' where id = ${anyOf('reviews', 'id')}`,
      ],
      () => ['reviews', `delete from reviews where id = ${anyOf('reviews', 'id')}`],
    ];
    const phones = [newPhone(), newPhone()];
    let told = 0;
    for (let done = 0; done < changes; done += 1) {
      const [source, text] = kinds[number(kinds.length) - 1]?.() ?? [];
      if (source !== undefined && text !== undefined) await sql(source, text);
      const phone = phones[number(4) - 1];
      if (phone !== undefined)
        told += (await sync(phone, String(doors()[number(2) - 1]), number(20)))?.changes.length ?? 0;
    }
    t.diagnostic(`${told} changes were told while ${changes} were made`);
    for (const phone of phones) await isWhole(phone);
  });

  it('goes on from where it was with a BFF that was started again, and is told that alone which changed', async () => {
    const phone = newPhone();
    await catchUp(phone, gateway.url);
    const [old] = mobiles;
    const { port } = new URL(String(old?.url));
    const gone = new Promise((resolve) => old?.child.once('exit', resolve));
    old?.child.kill('SIGKILL');
    await gone;
    await sql('catalog', `update products set price_amount = 4242 where id = 'p${marks}'`);
    mobiles[0] = await startMobile(port);
    for (;;) {
      const page = await sync(phone, gateway.url);
      if (page !== undefined) assert.ok(page.changes.length <= 1, JSON.stringify(page));
      if (page?.changes[0]?.data?.price.amount === 4242) break;
    }
    assert.equal(phone.startedAgain, 0);
  });

  it('takes one round trip with other reads, through the gateway', async () => {
    const requests = ['/api/v1/home', '/api/v1/sync?limit=1', '/api/v1/me'].map((url) => ({ url }));
    const answer = await fetch(`${gateway.url}/api/v1/batch`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ requests }),
    });
    const { responses } = (await answer.json()) as components['schemas']['BatchAnswer'];
    assert.deepEqual(
      responses.map(({ status }) => status),
      [200, 200, 401],
    );
  });

  it('starts again after a TRUNCATE, and ends with what there is', async () => {
    const phone = newPhone();
    await isWhole(phone);
    await sql('reviews', 'truncate reviews');
    await isWhole(phone);
    assert.ok(phone.startedAgain > 0);
    assert.equal(sorted(phone.cards).filter(([, { rating }]) => rating?.count !== 0).length, 2);
    await sql('catalog', 'truncate products');
    await isWhole(phone);
    assert.equal(phone.cards.size, 2);
  });

  it('starts again with a hub whose positions are new', async () => {
    const phone = newPhone();
    await catchUp(phone, gateway.url);
    const hub = createPostgresEventHub({ url: String(bff.HUB_URL), log: silentLogger });
    await hub.renewEpoch();
    await hub.close();
    await isWhole(phone);
    assert.ok(phone.startedAgain > 0);
  });
});
