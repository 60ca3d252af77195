import { findRedis, startPostgres, startRedis } from '@portico/testing/engines.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { startTokenIssuer } from '@portico/testing/token-issuer.ts';
import { type Program, startProgram } from './programs.fixture.ts';

const services = ['catalog', 'inventory', 'reviews', 'customers'] as const;

/**
 * The shop as it runs: its services with PostgreSQL, capture, and two of each of web BFF, mobile BFF and gateway. Each
 * gateway has BFFs of its own, so that who asks the other one is answered by other processes.
 */
export async function startCoherentShop() {
  const issuer = await startTokenIssuer();
  const postgres = await startPostgres({ databases: [...services, 'hub'], captured: services });
  const redis = findRedis() === undefined ? undefined : await startRedis();
  const running: Program[] = [];
  const start = async (path: string, env: Readonly<Record<string, string | undefined>>) => {
    const program = await startProgram(path, { OIDC_ISSUER: issuer.issuer, ...env });
    running.push(program);
    return program;
  };
  const stop = async () => {
    await Promise.all(running.map((program) => program.stop()));
    await Promise.all([postgres.stop(), redis?.stop(), issuer.close()]);
  };

  const startAll = async () => {
    const hub = { HUB_URL: postgres.databases.hub };
    const urls: Record<string, string> = {};
    const captures: Record<string, string | undefined> = {};
    await Promise.all(
      services.map(async (name) => {
        const env = { DATABASE_URL: postgres.databases[name], PORTICO_DEMO_PRODUCTS: '40' };
        const { url } = await start(`mock-services/${name}/src/main.ts`, env);
        urls[`${name.toUpperCase()}_URL`] = url;
        captures[`CAPTURE_${name.toUpperCase()}_URL`] = postgres.captures[name];
      }),
    );
    await start('packages/change-stream/src/capture/main.ts', { ...hub, ...captures });
    const bff = {
      ...hub,
      ...urls,
      REDIS_URL: redis?.url,
      PORTICO_TOKEN_KEY: 'a key of this test alone'.repeat(2),
    };
    const startSide = async () => {
      const [web, mobile] = await Promise.all([
        start('bffs/web/src/main.ts', bff),
        start('bffs/mobile/src/main.ts', bff),
      ]);
      const table = { WEB_URL: web.url, MOBILE_URL: mobile.url, SITE_URL: web.url, ...signInSettings };
      return (await start('gateway/src/main.ts', table)).url;
    };
    return Promise.all([startSide(), startSide()]);
  };
  try {
    const gateways = await startAll();
    return { issuer, gateways, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export type CoherentShop = Awaited<ReturnType<typeof startCoherentShop>>;
