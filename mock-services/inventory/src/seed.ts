import { seedOnce } from '@portico/runtime/seed-once.ts';
import { type Kysely, sql } from 'kysely';
import type { InventoryTables } from './database.ts';

/** Fills a new database with the stock of `productCount` products. */
export async function seedInventory(db: Kysely<InventoryTables>, productCount: number): Promise<void> {
  await seedOnce(db, async (trx) => {
    // From 0 to 200 pieces, scattered; one product in thirteen is sold out.
    await sql`
      insert into stock (product_id, quantity)
      select 'p' || number, case when number % 13 = 7 then 0 else number * 137 % 201 end
      from generate_series(1, ${productCount}::integer) as number`.execute(trx);
  });
}
