import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@portico/demo/free-port.ts';
import type { BrowserContext, Page } from 'playwright-core';
import { ctrlC, npmStart, untilReady } from '../demo.fixture.ts';
import { call, startChromium } from './chromium.fixture.ts';
import { type NetLog, readNetLog } from './net-log.fixture.ts';
import { startRecordedProvider } from './recorded-provider.fixture.ts';

export type BrowsedDemo = Awaited<ReturnType<typeof startBrowsedDemo>>;

/**
 * The demo, a browser, and what neither of them may know. The provider is the demo's own, in this process, where it can be asked
 * for the tokens that it has given.
 * @param executable the browser's path
 */
export async function startBrowsedDemo(executable: string) {
  const dataDir = mkdtempSync(join(tmpdir(), 'portico-browser-'));
  // As root, PostgreSQL runs as another user, who must get into it.
  chmodSync(dataDir, 0o711);
  const netLog = join(dataDir, 'net-log.json');
  const browser = await startChromium(executable, netLog);
  const port = await freePort();
  const gateway = `http://localhost:${port}`;
  const provider = await startRecordedProvider(gateway);
  const demo = npmStart(dataDir, {
    ...provider.settings,
    PORTICO_PORT: String(port),
    PORTICO_DEMO_PRODUCTS: '60',
    SHIPMENT_LEAVES_AFTER_MS: '3600000',
    LOG_LEVEL: 'trace',
  });
  /** Of sessions, at all moments that were looked at. */
  const cookies = new Set<string>();
  const kept: string[] = [];

  const stop = async () => {
    await browser.close();
    await ctrlC(demo);
    await provider.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await untilReady(demo);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    gateway,
    /** Values that no browser and no log may have. */
    tokens: provider.tokens,
    cookies,
    stop,
    /** A browser of its own, without cookies. */
    newContext: async (): Promise<BrowserContext> => {
      const context = await browser.newContext();
      await context.addInitScript({ path: join(import.meta.dirname, 'own-page.js') });
      return context;
    },
    /** Clicks through the start page and the provider's page; gives the start page. */
    signIn: async (context: BrowserContext, login: string): Promise<Page> => {
      const page = await context.newPage();
      await page.goto(gateway);
      await page.getByRole('link', { name: 'Sign in' }).click();
      await page.getByLabel('User').fill(login);
      await page.getByLabel('Password').fill('demo');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      return page;
    },
    /** Remembers what the browser keeps and shows at this moment. */
    look: async (): Promise<void> => {
      for (const context of browser.contexts()) {
        for (const { name, value } of await context.cookies(gateway)) {
          if (name === 'portico') cookies.add(value);
          kept.push(`${name}=${value}`);
        }
        for (const page of context.pages()) kept.push(page.url(), await call<string>(page, 'shop.keeps'));
      }
    },
    kept: () => kept.join('\n'),
    /** Ends the browser, and reads what it has written down. */
    closeBrowser: async (): Promise<NetLog> => {
      await browser.close();
      return readNetLog(netLog);
    },
    /** Ends the demo, and gives all that was said by each of its processes. */
    stopShop: async (): Promise<Readonly<Record<string, string>>> => {
      await ctrlC(demo);
      const folder = join(dataDir, 'logs');
      const files = globSync('*', { cwd: folder }).map((name) => [
        name,
        readFileSync(join(folder, name), 'utf8'),
      ]);
      return { ...Object.fromEntries(files), 'npm start': demo.output(), identity: provider.log() };
    },
    /** What the demo and the provider prove themselves by and sign and seal with. */
    secrets: (): readonly string[] => {
      const ofDemo = ['sessions', 'tokens', 'personal'].map((name) => join(dataDir, name, 'password'));
      return [...provider.secrets, ...ofDemo.map((path) => readFileSync(path, 'utf8'))];
    },
  };
}
