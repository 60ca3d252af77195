import { randomBytes } from 'node:crypto';
import { createDatabase, migrateToLatest } from '@portico/runtime/database.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { type Kysely, sql, type Transaction } from 'kysely';
import { SourceProblem } from '../capture/source-problem.ts';
import { type KeysTables, migrations } from './keys-database.ts';
import { createKnownKeys } from './known-keys.ts';
import { createMasterKey } from './master-key.ts';
import { type PersonalKey, toPersonalKey } from './sealed-field.ts';

export interface PersonalKeysOptions {
  /** Of the keys' own database, with the role that owns it. */
  readonly url: string;
  /** What the keys are wrapped by; 32 characters or more, and always the same. */
  readonly masterKey: string;
  readonly log: Logger;
  /** Monotone milliseconds. */
  readonly now?: () => number;
  /** Makes the keys. */
  readonly random?: (bytes: number) => Buffer;
}

/** A key for each customer, for as long as they are not forgotten. */
export interface PersonalKeys {
  /** @throws SourceProblem when the keys are those of another master key; any other error when they can't be reached */
  ready(): Promise<void>;
  /**
   * The keys of these customers; who has none yet gets one, which is on disk when this returns. One who was forgotten has none,
   * for ever.
   */
  keysOf(customers: Iterable<string>): Promise<ReadonlyMap<string, PersonalKey>>;
  /** By their ids, those of these keys that are still there. */
  find(keyIds: Iterable<string>): Promise<ReadonlyMap<string, PersonalKey>>;
  /** Destroys the keys of these customers, and keeps them from getting others. It is on disk when this returns. */
  forget(customers: Iterable<string>): Promise<void>;
  close(): Promise<void>;
}

const otherMasterKey = () =>
  new SourceProblem(
    'the keys of the customers are wrapped by another master key than PERSONAL_MASTER_KEY',
    'set PERSONAL_MASTER_KEY to the one that they were made with',
  );

/** The keys in a PostgreSQL database, which is asked for the first time when they are. */
export function createPersonalKeys(options: PersonalKeysOptions): PersonalKeys {
  const { url, log, now = () => performance.now(), random = randomBytes } = options;
  const master = createMasterKey(options.masterKey);
  const db = createDatabase<KeysTables>(url, log, undefined, 4);
  const known = createKnownKeys(now);
  let prepared: Promise<void> | undefined;

  async function prepare(): Promise<void> {
    await migrateToLatest(db, migrations, 0);
    await db
      .insertInto('master_key')
      .values({ mark: master.mark })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const { mark } = await db.selectFrom('master_key').select('mark').executeTakeFirstOrThrow();
    if (!master.mark.equals(mark)) throw otherMasterKey();
  }
  async function ready(): Promise<void> {
    prepared ??= prepare();
    await prepared.catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
  }

  const toKey = ({ customer_id, key_id, wrapped }: KeyRow): PersonalKey => {
    try {
      return toPersonalKey(key_id, master.unwrap(wrapped, ownerOf(customer_id, key_id)));
    } catch {
      throw new SourceProblem(
        `the key of the customer ${customer_id} is not what was stored`,
        'put its row in personal_keys back from a copy, or have the customer forgotten',
      );
    }
  };
  async function read(customers: readonly string[]): Promise<Map<string, PersonalKey>> {
    const rows = await keyRows(db)
      .where('customer_id', '=', sql<string>`any(${customers}::text[])`)
      .execute();
    return new Map(rows.map((row) => [row.customer_id, toKey(row as KeyRow)]));
  }
  /** Whoever has a row already keeps it, also without a key. */
  async function make(customers: readonly string[]): Promise<void> {
    const rows = customers.map((customer_id) => {
      const key_id = random(16).toString('base64url');
      return {
        customer_id,
        key_id,
        wrapped: master.wrap(random(32), ownerOf(customer_id, key_id), random(12)),
      };
    });
    await durably(db, (trx) =>
      sql`insert into personal_keys (customer_id, key_id, wrapped)
        select * from unnest(${rows.map((row) => row.customer_id)}::text[], ${rows.map((row) => row.key_id)}::text[],
          ${rows.map((row) => row.wrapped)}::bytea[])
        on conflict do nothing`.execute(trx),
    );
  }

  return {
    ready,
    keysOf: async (customers) => {
      await ready();
      const all = distinct(customers);
      const keys = known.pick(all);
      const others = all.filter((customer) => !keys.has(customer));
      if (others.length === 0) return keys;
      const found = await read(others);
      const missing = others.filter((customer) => !found.has(customer));
      if (missing.length > 0) await make(missing);
      const made = missing.length > 0 ? await read(missing) : [];
      for (const [customer, key] of [...found, ...made]) {
        keys.set(customer, key);
        known.keep(customer, key);
      }
      return keys;
    },
    find: async (keyIds) => {
      await ready();
      const ids = [...new Set(keyIds)];
      if (ids.length === 0) return new Map();
      const rows = await keyRows(db).where('key_id', '=', sql<string>`any(${ids}::text[])`).execute();
      return new Map(rows.map((row) => [String(row.key_id), toKey(row as KeyRow)]));
    },
    forget: async (customers) => {
      await ready();
      const all = distinct(customers);
      if (all.length === 0) return;
      await durably(db, (trx) =>
        sql`insert into personal_keys (customer_id, forgotten_at)
          select unnest(${all}::text[]), now()
          on conflict (customer_id) do update set key_id = null, wrapped = null, forgotten_at = excluded.forgotten_at
          where personal_keys.forgotten_at is null`.execute(trx),
      );
      for (const customer of all) known.drop(customer);
    },
    close: () => db.destroy(),
  };
}

interface KeyRow {
  readonly customer_id: string;
  readonly key_id: string;
  readonly wrapped: Buffer;
}

function keyRows(db: Kysely<KeysTables>) {
  return db
    .selectFrom('personal_keys')
    .select(['customer_id', 'key_id', 'wrapped'])
    .where('wrapped', 'is not', null);
}

/** Sorted, so that no two that lock their rows wait for each other. */
const distinct = (customers: Iterable<string>) => [...new Set(customers)].sort();
const ownerOf = (customer: string, keyId: string) => JSON.stringify([customer, keyId]);

/** On disk also where the server's default is not to wait. */
function durably<Result>(
  db: Kysely<KeysTables>,
  work: (trx: Transaction<KeysTables>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (trx) => {
    await sql`set local synchronous_commit = on`.execute(trx);
    return work(trx);
  });
}
