import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { everythingChanged, type RowChange } from '@portico/contracts/events/change-event.ts';
import { eventSource } from '@portico/contracts/events/event-sources.ts';
import { type ReadParameters, readTags } from '@portico/contracts/events/read-tags.ts';
import { loadOpenApi, type OpenApiName, operationsOf } from '@portico/contracts/openapi.ts';
import { createDatabase, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import type { ServiceDefinition } from '@portico/runtime/run-service.ts';
import { createRandom } from '@portico/runtime/seeded-random.ts';
import { toTarget } from '@portico/service-client/read-operations.ts';
import { startPostgres } from '@portico/testing/engines.ts';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { createCatalog } from '../mock-services/catalog/src/create-catalog.ts';
import { migrations as catalogMigrations } from '../mock-services/catalog/src/database.ts';
import { seedCatalog } from '../mock-services/catalog/src/seed.ts';
import { createCustomers } from '../mock-services/customers/src/create-customers.ts';
import { migrations as customersMigrations } from '../mock-services/customers/src/database.ts';
import { seedCustomers } from '../mock-services/customers/src/seed.ts';
import { createInventory } from '../mock-services/inventory/src/create-inventory.ts';
import { migrations as inventoryMigrations } from '../mock-services/inventory/src/database.ts';
import { seedInventory } from '../mock-services/inventory/src/seed.ts';
import { createReviews } from '../mock-services/reviews/src/create-reviews.ts';
import { migrations as reviewsMigrations } from '../mock-services/reviews/src/database.ts';
import { seedReviews } from '../mock-services/reviews/src/seed.ts';

/**
 * The caches rest on this: an answer of a service is made old by nothing that has no tag in common with it. Rows are changed at
 * random by SQL in real databases, and every answer that is another one afterwards must have been touched.
 */

interface Read {
  /** As the OpenAPI document writes it. */
  readonly path: string;
  readonly parameters: ReadParameters;
}

interface Table {
  readonly name: string;
  readonly key: string;
  /** Keys that reads ask for; some have no row at the beginning, and come and go. */
  readonly ids: readonly string[];
  /** A new value for each of the other columns. */
  readonly values: Readonly<Record<string, (dice: Dice) => unknown>>;
  /** Columns that follow from the others. */
  readonly derived?: readonly string[];
  /** Which rows may go away or get another key; all when left out. */
  readonly loose?: RawBuilder<boolean>;
}

interface Service {
  readonly name: OpenApiName;
  readonly start: () => ReturnType<typeof start>;
  readonly tables: readonly Table[];
  readonly reads: readonly Read[];
}

type Dice = ReturnType<typeof createDice>;
type Database = Kysely<unknown>;

/** Odd, so that of rows that come and go one is there in the end. */
const rounds = 5;
const products = ['p1', 'p2', 'p3', 'p4', 'p901', 'p902'];
const reviews = ['r1', 'r2', 'r3', 'r901', 'r902'];
const customers = ['c1', 'c2', 'c3', 'c901', 'c902'];
const categories = ['coffee', 'kitchen', 'new-shelf', 'newer-shelf'];
const aMoment = ({ number }: Dice) => new Date(Date.UTC(2020, 0, 1) + number(200_000_000_000));
const someText = ({ number }: Dice) => `Text ${number(1_000)}`;

const one = (path: string, name: string, ids: readonly string[]): Read[] =>
  ids.map((id) => ({ path, parameters: { path: { [name]: id } } }));
const many = (path: string, ids: readonly string[], query = {}): Read[] =>
  [...ids.map((id) => [id]), ids].map((some) => ({ path, parameters: { query: { ids: some, ...query } } }));

const productLists = [undefined, 'coffee', 'new-shelf'].flatMap((category) =>
  ['featured', 'price_asc', 'price_desc', 'newest', 'rating'].flatMap((sort) =>
    [undefined, '"text" or steel -7'].map((q) => ({
      path: '/products',
      parameters: { query: { category, q, sort, limit: 3 } },
    })),
  ),
);

const services: readonly Service[] = [
  {
    ...service({
      name: 'catalog',
      createApp: (parts) => createCatalog({ ...parts, ratingsAreKnown: async () => true }),
      migrations: catalogMigrations,
      seed: (db) => seedCatalog(db, 40),
    }),
    tables: [
      {
        name: 'products',
        key: 'id',
        ids: products,
        values: {
          name: someText,
          description: someText,
          category_id: ({ among }) =>
            sql`(select id from categories order by md5(id || ${among(products)}) limit 1)`,
          price_amount: ({ number }) => number(30_000),
          price_currency: ({ among }) => among(['EUR', 'USD', 'SEK']),
          featured_rank: ({ number }) => number(1_000_000_000),
          created_at: aMoment,
          rating_average: ({ number }) => number(501),
          rating_count: ({ number }) => number(20),
        },
        derived: ['search'],
      },
      {
        name: 'categories',
        key: 'id',
        ids: categories,
        values: { name: someText, position: ({ number }) => number(1_000_000_000) },
        loose: sql<boolean>`not exists (select from products where category_id = categories.id)`,
      },
    ],
    reads: [
      ...one('/products/{id}', 'id', products),
      ...many('/products', products),
      ...productLists,
      { path: '/products', parameters: { query: { limit: 100 } } },
      { path: '/categories', parameters: {} },
    ],
  },
  {
    ...service({
      name: 'inventory',
      createApp: (parts) => createInventory(parts),
      migrations: inventoryMigrations,
      seed: (db) => seedInventory(db, 10),
    }),
    tables: [
      {
        name: 'stock',
        key: 'product_id',
        ids: products,
        values: { quantity: ({ number }) => number(1_000), reserved: ({ number }) => number(1_000) },
      },
    ],
    reads: [...one('/stock/{productId}', 'productId', products), ...many('/stock', products)],
  },
  {
    ...service({
      name: 'reviews',
      createApp: createReviews,
      migrations: reviewsMigrations,
      seed: (db) => seedReviews(db, 6),
    }),
    tables: [
      {
        name: 'reviews',
        key: 'id',
        ids: reviews,
        values: {
          product_id: ({ among }) => among(products),
          customer_id: ({ among }) => among(customers),
          stars: ({ number }) => 1 + number(5),
          body: someText,
          created_at: aMoment,
        },
      },
    ],
    reads: [
      ...many('/ratings', products),
      ...many('/product-reviews', products),
      ...many('/product-reviews', products, { first: 1 }),
      ...one('/products/{id}/reviews', 'id', products),
      ...products.map((id) => ({
        path: '/products/{id}/reviews',
        parameters: { path: { id }, query: { limit: 2 } },
      })),
      ...many('/reviews', reviews),
    ],
  },
  {
    ...service({
      name: 'customers',
      createApp: createCustomers,
      migrations: customersMigrations,
      seed: seedCustomers,
    }),
    tables: [
      {
        name: 'customers',
        key: 'id',
        ids: customers,
        values: {
          display_name: someText,
          forgotten_at: ({ number }) => (number(3) === 0 ? new Date(0) : null),
        },
      },
    ],
    reads: [
      ...one('/customers/{id}', 'id', customers),
      ...many('/customers', customers),
      { path: '/forgotten-customers', parameters: {} },
    ],
  },
];

const postgres = await startPostgres({ databases: services.map(({ name }) => name) });
after(() => postgres.stop());

for (const { name, start, tables, reads } of services) {
  const { toEvents, tagsOf, ...source } = eventSource(name);

  describe(`The answers of ${name}`, async () => {
    const { db, ask, close } = await start();
    after(close);
    const all = [...reads, ...(await continued(reads, ask))];
    /** In turn, as the service has few connections and a second to get one. */
    const askAll = async () => {
      const answers: Awaited<ReturnType<typeof ask>>[] = [];
      for (const read of all) answers.push(await ask(read));
      return answers;
    };

    it('have tags for every GET of its document, and the tag of the service each', () => {
      const paths = operationsOf(loadOpenApi(name)).filter(({ method }) => method === 'get');
      assert.deepEqual(
        [...new Set(all.map(({ path }) => path))].sort(),
        paths.map(({ path }) => path).sort(),
      );
      const everything = { type: everythingChanged, key: '', data: { before: null, after: null } };
      for (const { path, parameters } of all) {
        const tags = readTags(name, path, parameters, path.includes('{') ? null : { items: [] });
        assert.ok(tagsOf(everything).every((tag) => tags.includes(tag)));
      }
    });

    it('are made from published columns, each of which is changed here', async () => {
      const { rows } = await sql<{ table: string; column: string }>`
        select table_name as table, column_name as column from information_schema.columns
        where table_name = any(${source.tables})`.execute(db);
      const changed = tables.flatMap(({ name, key, values, derived = [] }) =>
        [key, ...Object.keys(values), ...derived].map((column) => `${name}.${column}`),
      );
      assert.deepEqual(rows.map(({ table, column }) => `${table}.${column}`).sort(), changed.sort());
    });

    it('are touched by every change that makes them others', async (t) => {
      const dice = createDice(name.length);
      const kinds = tables.flatMap((table) => kindsOfChange(table));
      const pathsChanged = new Set<string>();
      let [touched, changed] = [0, 0];
      let stored = await askAll();
      for (const [kind, change] of [...kinds, severalOf(kinds.map(([, one]) => one))]) {
        let effects = 0;
        for (let round = 0; round < rounds; round++) {
          const rows = await db.transaction().execute((trx) => change(trx, dice));
          const events = rows.flatMap(toEvents);
          for (const event of events) assert.equal(source.problemOf(event), undefined);
          const tags = new Set(events.flatMap(tagsOf));
          const fresh = await askAll();
          for (const [index, { path, parameters }] of all.entries()) {
            const [was, is] = [stored[index], fresh[index]];
            // What is refused is not kept.
            if (was === undefined || was.body === undefined) continue;
            const isTouched = readTags(name, path, parameters, was.body).some((tag) => tags.has(tag));
            const isChanged = JSON.stringify(was) !== JSON.stringify(is);
            if (isChanged) pathsChanged.add(path);
            effects += Number(isChanged);
            changed += Number(isChanged);
            touched += Number(isTouched);
            const missed = () => `${toTarget(path, parameters)} was not touched by: ${JSON.stringify(rows)}`;
            if (isChanged) assert.ok(isTouched, `${kind}: ${missed()}`);
          }
          stored = fresh;
        }
        assert.ok(effects > 0, `no answer was changed by: ${kind}`);
      }
      assert.deepEqual([...pathsChanged].sort(), [...new Set(all.map(({ path }) => path))].sort());
      t.diagnostic(
        `${name}: ${changed} answers changed, all touched; ${touched - changed} touched needlessly`,
      );
    });
  });
}

function service<Tables>(definition: ServiceDefinition<Tables>) {
  return { name: definition.name, start: () => start(definition) };
}

/** The service on its database, behind a port; `ask` gives a body that can be kept, null for a 404, undefined for a refusal. */
async function start<Tables>(definition: ServiceDefinition<Tables>) {
  const { name, migrations, seed, createApp } = definition;
  const db = createDatabase<Tables>(String(postgres.databases[name]), silentLogger);
  await migrateToLatest(db, migrations);
  await seed?.(db, 40);
  const parts = { db, log: silentLogger, metrics: createMetrics(name) };
  const server = createServer(await createApp(parts, {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async ({ path, parameters }: Read): Promise<{ body: unknown }> => {
    const response = await fetch(`http://127.0.0.1:${port}${toTarget(path, parameters)}`);
    const body: unknown = await response.json();
    if (response.status === 200) return { body };
    assert.ok(response.status === 404 || response.status === 400, JSON.stringify(body));
    return { body: response.status === 404 ? null : undefined };
  };
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await db.destroy();
  };
  return { db: db as unknown as Database, ask, close };
}

/** The second page of every list that has one. */
async function continued(reads: readonly Read[], ask: (read: Read) => Promise<{ body: unknown }>) {
  const pages: Read[] = [];
  for (const { path, parameters } of reads) {
    const { body } = await ask({ path, parameters });
    const cursor = (body as { next?: string | null } | null | undefined)?.next;
    if (typeof cursor !== 'string') continue;
    pages.push({ path, parameters: { ...parameters, query: { ...parameters.query, cursor } } });
  }
  return pages;
}

type Change = (db: Database, dice: Dice) => Promise<RowChange[]>;

/** An insertion, a deletion, another key, another value in each column, and another value in several rows at once. */
function kindsOfChange(table: Table): [kind: string, Change][] {
  const { name, key, values, loose = sql<boolean>`true` } = table;
  const [into, keyColumn] = [sql.table(name), sql.ref(key)];

  /** One of the rows that reads ask for by key; now and then any other one. */
  const anyRow = async (db: Database, dice: Dice) => {
    const { rows } = await sql<{ key: string }>`select ${keyColumn} as key from ${into} order by 1`.execute(
      db,
    );
    const known = rows.filter((row) => table.ids.includes(row.key));
    return sql`where ${keyColumn} = ${dice.among(known.length > 0 && dice.number(10) < 7 ? known : rows).key}`;
  };
  const looseRow = async (db: Database, dice: Dice) => {
    const { rows } = await sql<{ key: string }>`
      select ${keyColumn} as key from ${into}
      where ${keyColumn} = any(${table.ids}) and ${loose} order by 1`.execute(db);
    return rows.length === 0 ? sql`where false` : sql`where ${keyColumn} = ${dice.among(rows).key}`;
  };
  const newKey = async (db: Database, dice: Dice) => {
    const { rows } = await sql<{ key: string }>`
      select asked as key from unnest(${table.ids}::text[]) as asked
      where not exists (select from ${into} where ${keyColumn} = asked) order by 1`.execute(db);
    return rows.length === 0 ? undefined : dice.among(rows).key;
  };
  const run = async (db: Database, statement: RawBuilder<unknown>): Promise<RowChange[]> => {
    // As change capture would tell it: both sides of every row.
    const { rows } = await sql<Omit<RowChange, 'table'>>`
      ${statement} returning to_json(old) as before, to_json(new) as after`.execute(db);
    return rows.map((row) => ({ table: name, ...row }));
  };

  const insert: Change = async (db, dice) => {
    const id = await newKey(db, dice);
    if (id === undefined) return [];
    const columns = sql.join([key, ...Object.keys(values)].map((column) => sql.ref(column)));
    const row = sql.join([id, ...Object.values(values).map((value) => value(dice))]);
    return run(db, sql`insert into ${into} (${columns}) values (${row})`);
  };
  const remove: Change = async (db, dice) => run(db, sql`delete from ${into} ${await looseRow(db, dice)}`);
  const rename: Change = async (db, dice) => {
    const id = await newKey(db, dice);
    if (id === undefined) return [];
    return run(db, sql`update ${into} set ${keyColumn} = ${id} ${await looseRow(db, dice)}`);
  };
  const updates = Object.entries(values).map(([column, value]): [string, Change] => [
    `another ${name}.${column}`,
    async (db, dice) =>
      run(db, sql`update ${into} set ${sql.ref(column)} = ${value(dice)} ${await anyRow(db, dice)}`),
  ]);
  // In turn, so that there is always a key for a new row.
  let isNew = false;
  const replace: Change = async (db, dice) => {
    isNew = !isNew;
    return (isNew ? insert : remove)(db, dice);
  };
  return [[`a new or deleted row of ${name}`, replace], ...updates, [`another key of ${name}`, rename]];
}

/** Up to four changes in one transaction. */
function severalOf(changes: readonly Change[]): [kind: string, Change] {
  const change: Change = async (db, dice) => {
    const rows: RowChange[] = [];
    for (let left = 1 + dice.number(4); left > 0; left--) rows.push(...(await dice.among(changes)(db, dice)));
    return rows;
  };
  return ['several changes', change];
}

function createDice(seed: number) {
  const random = createRandom(seed);
  const number = (limit: number) => Math.floor(random() * limit);
  const among = <T>(choices: readonly T[]): T => choices[number(choices.length)] as T;
  return { number, among };
}
