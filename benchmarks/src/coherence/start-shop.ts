import pg from 'pg';
import { type Child, startChild, startEngine } from '../child.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const services = ['catalog', 'inventory', 'reviews', 'customers'] as const;

export interface MeasuredShop {
  /** Adds one to the price of a product, by plain SQL, and gives the new one. */
  raisePrice(id: string): Promise<number>;
  /** Starts a BFF, with these settings beside the addresses that it needs; it follows no hub unless they say so. */
  startBff(
    name: 'web' | 'mobile',
    env: Readonly<Record<string, string>>,
    ending: AsyncDisposableStack,
  ): Promise<Child>;
  /** What a BFF is told that follows the hub. */
  readonly follows: Readonly<Record<string, string>>;
}

/** The services, their databases and the hub in one PostgreSQL that waits for the disk as in production, and capture. */
export async function startMeasuredShop(
  productCount: number,
  ending: AsyncDisposableStack,
): Promise<MeasuredShop> {
  const postgres = await startMeasuredPostgres(['hub', ...services], services, ending);
  const silent = { LOG_LEVEL: 'silent' };
  const urls: Record<string, string> = {};
  const captures: Record<string, string> = {};
  const startService = async (name: (typeof services)[number]) => {
    const env = { DATABASE_URL: postgres.databases[name] ?? '', PORTICO_DEMO_PRODUCTS: String(productCount) };
    const program = `../../mock-services/${name}/src/main.ts`;
    const { url } = await startChild({ program, env: { ...silent, ...env }, listens: true }, ending);
    urls[`${name.toUpperCase()}_URL`] = url;
    captures[`CAPTURE_${name.toUpperCase()}_URL`] = postgres.captures[name] ?? '';
  };
  await Promise.all(services.map(startService));
  const follows = { HUB_URL: postgres.databases.hub ?? '' };
  const program = '../../packages/change-stream/src/capture/main.ts';
  await startChild({ program, env: { ...silent, ...follows, ...captures }, listens: true }, ending);

  const database = new pg.Pool({ connectionString: postgres.databases.catalog, max: 8 });
  // Of one that breaks while it is idle; a query tells of any other.
  database.on('error', () => {});
  ending.defer(() => database.end());
  return {
    follows,
    raisePrice: async (id) => {
      const { rows } = await database.query({
        name: 'raise',
        text: 'update products set price_amount = price_amount + 1 where id = $1 returning price_amount::int as price',
        values: [id],
      });
      return rows[0].price;
    },
    startBff: (name, env, endingOfBff) => {
      const bff = { program: `../../bffs/${name}/src/main.ts`, env: { ...silent, ...urls, ...env } };
      return startChild({ ...bff, listens: true }, endingOfBff);
    },
  };
}

/** The demo's own engine, on a folder of its own. */
export async function startMeasuredPostgres(
  databases: readonly string[],
  captured: readonly string[],
  ending: AsyncDisposableStack,
) {
  const dir = await temporaryFolder(ending);
  const env = {
    PORTICO_ENGINE_DIR: dir,
    DATABASES: databases.join(','),
    CAPTURED: captured.join(','),
  };
  const postgres = await startEngine('postgres', env, ending);
  if (postgres === undefined) throw new Error('PostgreSQL is not installed');
  return postgres;
}
