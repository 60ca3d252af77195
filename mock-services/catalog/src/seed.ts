import { seedOnce } from '@portico/runtime/seed-once.ts';
import { type Kysely, sql } from 'kysely';
import { composeProduct } from './compose-product.ts';
import type { CatalogTables } from './database.ts';
import { shelves } from './shelves/shelves.ts';

/** PostgreSQL takes 65,535 parameters in a statement; this stays well below. */
const rowsPerInsert = 2_000;

/** Fills a new database with categories and products. */
export async function seedCatalog(db: Kysely<CatalogTables>, productCount: number): Promise<void> {
  await seedOnce(db, async (trx) => {
    const categories = shelves.map(({ id, name }, index) => ({ id, name, position: index + 1 }));
    await trx.insertInto('categories').values(categories).execute();
    for (let done = 0; done < productCount; done += rowsPerInsert) {
      const length = Math.min(rowsPerInsert, productCount - done);
      const products = Array.from({ length }, (_, index) => composeProduct(done + index + 1));
      await trx.insertInto('products').values(products).execute();
    }
    // Without statistics the first queries would sort the whole table instead of walking an index.
    await sql`analyze products`.execute(trx);
  });
}
