import type { OpenApiName } from '@portico/contracts/openapi.ts';
import { type Express, Router } from 'express';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import Type, { type Static, type TObject } from 'typebox';
import { readConfig } from './config.ts';
import { checkDatabase, createDatabase, migrateToLatest } from './database.ts';
import { createFaultSwitch } from './fault-switch.ts';
import { identitySettings, toTokenVerifier } from './identity.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { postgresUrl, processSettings } from './process-config.ts';
import { runProcess } from './run-process.ts';
import type { ServiceParts } from './service-app.ts';
import { openTracing } from './tracing.ts';

const serviceSettings = Type.Object({
  ...processSettings,
  ...identitySettings,
  /** This service's own database, as its own role. */
  DATABASE_URL: postgresUrl,
  /** How many products the shop has when its databases are new. */
  PORTICO_DEMO_PRODUCTS: Type.Integer({ minimum: 1, maximum: 100_000, default: 1_000 }),
});

/** What a service does beside answering; it begins by itself, and ends before the database is let go of. */
export interface ServiceWork {
  close(): Promise<void>;
}

export interface ServiceDefinition<Tables, Settings extends TObject = TObject> {
  readonly name: OpenApiName;
  /** By name; they run once each, in the order of their names. */
  readonly migrations: Readonly<Record<string, Migration>>;
  /** Fills a new database for a shop of `productCount` products; leaves one that is not new alone. It stays empty when left out. */
  readonly seed?: (db: Kysely<Tables>, productCount: number) => Promise<void>;
  /** Settings beside those of every service. */
  readonly settings?: Settings;
  readonly createApp: (
    parts: ServiceParts<Tables>,
    config: Readonly<Static<Settings>>,
  ) => Express | Promise<Express>;
  readonly beginWork?: (
    parts: ServiceParts<Tables>,
    config: Readonly<Static<Settings>>,
  ) => ServiceWork | undefined;
}

/** Runs a service as a process: migrates and seeds its database, then serves. The fault switch is there in demo mode only. */
export async function runService<Tables, Settings extends TObject = TObject>(
  { name, migrations, seed, settings, createApp, beginWork }: ServiceDefinition<Tables, Settings>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await runProcess(async () => {
    const config = readConfig(serviceSettings, env);
    const own = readConfig(settings ?? (Type.Object({}) as TObject as Settings), env);
    const log = createLogger({ name, level: config.LOG_LEVEL });
    const metrics = createMetrics(name);
    const tracing = await openTracing(name, config, log);
    const db = createDatabase<Tables>(config.DATABASE_URL, log, tracing);
    await migrateToLatest(db, migrations);
    await seed?.(db, config.PORTICO_DEMO_PRODUCTS);

    const ends: (() => Promise<void>)[] = [];
    const adminExtra = Router();
    const faults = config.PORTICO_DEMO ? createFaultSwitch() : undefined;
    if (faults !== undefined) adminExtra.use(faults.adminRouter);
    const verifyToken = toTokenVerifier(config);
    const parts = { db, log, metrics, tracing, verifyToken, adminExtra, faults: faults?.middleware };
    const work = beginWork?.(parts, own);
    return {
      log,
      metrics,
      tracing,
      handler: await createApp({ ...parts, onClose: (end) => void ends.push(end) }, own),
      checks: { database: () => checkDatabase(db) },
      host: config.PORTICO_HOST,
      port: config.PORT,
      adminPort: config.ADMIN_PORT,
      adminExtra,
      close: async () => {
        await work?.close();
        await Promise.all(ends.map((end) => end()));
        await db.destroy();
      },
    };
  });
}
