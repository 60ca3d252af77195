/** The audit of the GraphQL-over-HTTP working group, through the gateway, as processes; some audits ask for introspection. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ShopServices, startShopServices } from '@portico/testing/shop-services.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { serverAudits } from 'graphql-http';
import { type Program, startProgram } from './programs.fixture.ts';

describe('GraphQL over HTTP through the gateway', () => {
  let shop: ShopServices;
  let web: Program;
  let gateway: Program;

  before(async () => {
    shop = await startShopServices();
    web = await startProgram('bffs/web/src/main.ts', {
      PORTICO_DEMO: 'true',
      ...Object.fromEntries(
        Object.entries(shop.urls).map(([name, url]) => [`${name.toUpperCase()}_URL`, url]),
      ),
    });
    gateway = await startProgram('gateway/src/main.ts', {
      WEB_URL: web.url,
      MOBILE_URL: web.url,
      SITE_URL: web.url,
      ...signInSettings,
      OIDC_ISSUER: 'http://127.0.0.1:1',
    });
  });
  after(async () => {
    await gateway?.stop();
    await web?.stop();
    await shop.close();
  });

  const audits = serverAudits({ url: () => `${gateway.url}/graphql` });
  test('no item of the audit was lost', () => assert.ok(audits.length >= 61));
  for (const { id, name, fn } of audits) {
    test(`${id} ${name}`, async () => {
      const result = await fn();
      assert.equal(result.status, 'ok', 'reason' in result ? result.reason : undefined);
    });
  }
});
