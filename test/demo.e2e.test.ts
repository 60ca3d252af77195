/** The demo as a user has it: `npm start`, the commands of README.md, kill -9, Ctrl-C, a second start. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createDatabase } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { sql } from 'kysely';
import { ctrlC, type Demo, eventually, npmStart, root, untilReady } from './demo.fixture.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'portico-e2e-'));
// As root, PostgreSQL runs as another user, who must get into it.
chmodSync(dataDir, 0o711);

interface DemoFile {
  readonly gateway: string;
  readonly admin: string;
  readonly processes: readonly { name: string; pid: number; url: string; admin?: string }[];
  readonly databases: Readonly<Record<string, string>>;
}
/** What the `portico` command prints. */
function portico(issuer: string, ...args: string[]): string {
  const program = join(root, 'cli/src/main.ts');
  const env = { ...process.env, OIDC_ISSUER: issuer };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env,
  });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

async function ready(demo: Demo): Promise<DemoFile> {
  await untilReady(demo);
  return demoFile();
}

const demoFile = (): DemoFile => JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8'));

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const page = /localhost:8080\/graphql -H 'content-type: application\/json' -d '(\{.+\})'$/m.exec(
  readme,
)?.[1] as string;

interface Page {
  readonly data: {
    products: {
      edges: {
        node: {
          sku: string;
          availability: { inStock: boolean } | null;
          rating: { average: number } | null;
          reviews: { edges: { node: { body: string; author: { displayName: string } | null } }[] } | null;
        };
      }[];
    };
  };
  readonly errors?: { extensions: { code: string; service?: string } }[];
}

async function getPage(gateway: string): Promise<{ body: Page; calls: number; ms: number }> {
  const startedAt = performance.now();
  const answer = await fetch(`${gateway}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: page,
    signal: AbortSignal.timeout(5_000),
  });
  const body = (await answer.json()) as Page;
  const calls = Number(/calls=(\d+)/.exec(answer.headers.get('server-timing') ?? '')?.[1]);
  return { body, calls, ms: performance.now() - startedAt };
}

async function isFullPage(gateway: string): Promise<true | undefined> {
  const { body } = await getPage(gateway);
  return body.errors === undefined && body.data.products.edges.length === 20 ? true : undefined;
}

/** Changes a review of each product, so that no cache can answer for the reviews. */
async function changeReviews(url: string | undefined): Promise<void> {
  const db = createDatabase<never>(String(url), silentLogger);
  await sql`update reviews set body = body || '.' where id in (select max(id) from reviews group by product_id)`.execute(
    db,
  );
  await db.destroy();
}

const phone = (gateway: string, path: string, headers: Record<string, string> = {}) =>
  fetch(`${gateway}${path}`, { headers, signal: AbortSignal.timeout(5_000) });

describe('the demo', { timeout: 400_000 }, () => {
  let demo: Demo;
  let running: DemoFile;

  const urlOf = (name: string) => running.processes.find((one) => one.name === name)?.url ?? '';
  const tokenOf = (user: string) => ({
    authorization: `Bearer ${portico(urlOf('identity'), 'token', user)}`,
  });

  before(async () => {
    demo = npmStart(dataDir);
    running = await ready(demo);
  });
  after(async () => {
    await ctrlC(demo);
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('a page of 20 full products costs at most 5 service calls, and none when it is asked for again', async () => {
    const { body, calls } = await getPage(running.gateway);
    assert.equal(body.errors, undefined);
    const products = body.data.products.edges.map(({ node }) => node);
    assert.equal(products.length, 20);
    assert.ok(products.every(({ availability, rating, reviews }) => availability && rating && reviews));
    const reviews = products.flatMap((product) => product.reviews?.edges ?? []);
    assert.ok(
      reviews.length >= 20 && reviews.every(({ node }) => node.body !== '' && node.author?.displayName),
    );
    assert.ok(calls >= 1 && calls <= 5, `${calls} calls`);
    const again = await eventually('a page out of the cache', async () => {
      const next = await getPage(running.gateway);
      return next.calls === 0 ? next : undefined;
    });
    assert.deepEqual(again.body, body);
  });

  test("the phone's view of a product has an ETag that answers 304", async () => {
    const answer = await phone(running.gateway, '/api/v1/products/p1');
    assert.equal(answer.status, 200);
    const product = (await answer.json()) as Record<string, unknown>;
    assert.equal(product.id, 'p1');
    assert.equal(product.degraded, undefined);
    const etag = answer.headers.get('etag') as string;
    const again = await phone(running.gateway, '/api/v1/products/p1', { 'if-none-match': etag });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), '');
  });

  test('the lines of README for the ETag and for a broken service do what it says', () => {
    const linesWith = (word: string) =>
      [...readme.matchAll(/```sh\n(.*?)```/gs)]
        .map(([, lines]) => lines ?? '')
        .find((lines) => lines.includes(word));
    const run = (lines: string) => {
      const here = lines
        .replaceAll('localhost:8080', new URL(running.gateway).host)
        .replaceAll('.portico/demo.json', join(dataDir, 'demo.json'));
      const { status, stdout, stderr } = spawnSync('sh', ['-ec', here], { cwd: root, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const statuses = [...run(linesWith('if-none-match') ?? '').matchAll(/HTTP\/1\.1 (\d{3})/g)];
    assert.deepEqual(
      statuses.map(([, status]) => status),
      ['200', '304'],
    );
    assert.match(run(linesWith('/faults') ?? ''), /"degraded":\["reviews"\]/);
  });

  test('the start page, its parts, the pictures, GraphiQL and the documentation are there, with nothing from elsewhere', async () => {
    for (const path of ['/', '/graphql', '/api/docs']) {
      const answer = await phone(running.gateway, path, { accept: 'text/html' });
      assert.equal(answer.status, 200, path);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
      // What stands inside a script is no element.
      const html = (await answer.text()).replaceAll(/(<script[^>]*>).*?<\/script>/gs, '$1');
      const loaded = [...html.matchAll(/<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"/g)].map(
        ([, url]) => url ?? '',
      );
      for (const url of loaded.filter((one) => !one.startsWith('data:'))) {
        assert.match(url, /^\/(?!\/)/, `${path} loads ${url}`);
        assert.equal((await phone(running.gateway, url)).status, 200, url);
      }
    }
    const list = await phone(running.gateway, '/api/v1/products?limit=3&fields=imageUrl');
    const { items } = (await list.json()) as { items: { imageUrl: string }[] };
    const picture = await phone(running.gateway, items[0]?.imageUrl ?? '');
    assert.match(picture.headers.get('content-type') ?? '', /^image\/svg\+xml/);
  });

  test('a user with a token is known to the BFFs, and services take commands of those who may give them', async () => {
    const [ada, operator] = [tokenOf('ada'), tokenOf('root')];

    const me = await phone(urlOf('mobile'), '/api/v1/me', ada);
    assert.deepEqual(await me.json(), { id: 'c1', displayName: 'Ada L.' });
    const query = encodeURIComponent('{ me { displayName } }');
    const web = await phone(urlOf('web'), `/graphql?query=${query}`, ada);
    assert.deepEqual(await web.json(), { data: { me: { displayName: 'Ada L.' } } });
    for (const [user, status] of [
      [{}, 401],
      [ada, 403],
      [operator, 200],
    ] as const) {
      const answer = await fetch(`${urlOf('catalog')}/products/p900/price`, {
        method: 'PUT',
        headers: { ...user, 'content-type': 'application/json' },
        body: '{"amount":4990}',
      });
      assert.equal(answer.status, status);
    }
  });

  test('the gateway keeps all that is asked of a BFF, and the command that checks it says so', () => {
    const { gateway } = demoFile();
    const report = portico(urlOf('identity'), 'conformance', gateway, '--user', 'ada', '--password', 'demo');
    assert.match(report, /, 0 failed, 2 skipped$/, report);
  });

  test('no service is reachable through the gateway', async () => {
    for (const path of [
      '/products',
      '/stock?ids=p1',
      '/api/v1/../../products',
      '/metrics',
      '/readyz',
      '/faults',
    ]) {
      assert.ok([400, 404].includes((await phone(running.gateway, path)).status), path);
    }
  });

  for (const fault of [{ hang: true }, { errorRate: 1 }, { reset: true }, { latencyMs: 5_000 }]) {
    test(`with reviews ${JSON.stringify(fault)} both pages come without reviews, and say so`, async (t) => {
      const { admin } = running.processes.find(({ name }) => name === 'reviews') as { admin: string };
      const put = {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fault),
      };
      assert.equal((await fetch(`${admin}/faults`, put)).status, 200);
      // What is known to be as it was is answered from caches, with the service or without.
      await changeReviews(running.databases.reviews);

      const web = await eventually('a page without reviews within a second', async () => {
        const found = await getPage(running.gateway);
        return found.body.data.products.edges[0]?.node.reviews === null && found.ms < 1_000
          ? found
          : undefined;
      });
      assert.equal(web.body.data.products.edges.length, 20);
      assert.ok(web.body.data.products.edges.every(({ node }) => node.availability !== null));
      assert.ok(web.body.errors?.every(({ extensions }) => extensions.service === 'reviews'));
      t.diagnostic(`web page in ${Math.round(web.ms)} ms`);

      const mobile = await eventually('a degraded product', async () => {
        const answer = await phone(running.gateway, '/api/v1/products/p2');
        const product = (await answer.json()) as { name: string; reviews: unknown; degraded?: string[] };
        return product.degraded === undefined ? undefined : product;
      });
      assert.deepEqual(mobile.degraded, ['reviews']);
      assert.equal(mobile.reviews, null);

      await fetch(`${admin}/faults`, { method: 'DELETE' });
      await eventually('full pages', () => isFullPage(running.gateway));
    });
  }

  test('whatever one process is killed, the others live and pages are full again', async (t) => {
    for (const { name, pid } of demoFile().processes) {
      const others = demoFile().processes.filter((one) => one.name !== name);
      process.kill(pid, 'SIGKILL');
      const killedAt = performance.now();
      const back = await eventually(`${name} under a new pid`, async () => {
        const found = demoFile().processes.find((one) => one.name === name);
        return found !== undefined && found.pid !== pid && lives(found.pid) ? found : undefined;
      });
      await eventually(`full pages after ${name} was killed`, () => isFullPage(running.gateway));
      await eventually(`the phone's product after ${name} was killed`, async () => {
        const product = (await (await phone(running.gateway, '/api/v1/products/p3')).json()) as {
          degraded?: string[];
        };
        return 'name' in product && product.degraded === undefined ? true : undefined;
      });
      t.diagnostic(`${name}: back after ${Math.round(performance.now() - killedAt)} ms`);
      assert.notEqual(back.pid, pid);
      assert.deepEqual(
        demoFile().processes.filter((one) => one.name !== name),
        others,
        `the others when ${name} was killed`,
      );
    }
  });

  test('a second demo on the same port or data folder stops with one clear line', async () => {
    const holder = createServer().listen(0);
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    for (const [dir, env, line] of [
      [
        `${dataDir}-other`,
        { PORTICO_PORT: String(port) },
        new RegExp(`^portico: .*${port}.*PORTICO_PORT.*$|^portico: .*PORTICO_PORT.*${port}.*$`, 'm'),
      ],
      [dataDir, {}, /^portico: .*(another|already|lock).*$/im],
      [
        dataDir,
        { PORTICO_PORT: 'eighty' },
        /^portico: .*PORTICO_PORT must be an integer .* got "eighty".*$/m,
      ],
    ] as const) {
      const second = npmStart(dir, env);
      const [code] = await once(second.npm, 'exit');
      assert.equal(code, 1);
      assert.match(second.output(), line);
    }
    holder.close();
    rmSync(`${dataDir}-other`, { recursive: true, force: true });
    assert.equal(await isFullPage(running.gateway), true);
  });

  test('Ctrl-C leaves no process, and a second start finds what was changed', async () => {
    const operator = tokenOf('root');
    const changed = await fetch(`${urlOf('catalog')}/products/p1/price`, {
      method: 'PUT',
      headers: { ...operator, 'content-type': 'application/json' },
      body: '{"amount":4242}',
    });
    assert.equal(changed.status, 200);

    const { processes } = demoFile();
    await ctrlC(demo);
    assert.deepEqual(
      processes.filter(({ pid }) => lives(pid)),
      [],
    );
    assert.throws(demoFile, /ENOENT/);
    for (const { name, admin } of processes) {
      if (admin === undefined) continue;
      const lastLine = readFileSync(join(dataDir, 'logs', `${name}.log`), 'utf8')
        .trimEnd()
        .split('\n')
        .at(-1);
      assert.match(String(lastLine), /"msg":"stopped"/, `${name} stopped in good order`);
    }

    // On the port that it had, as tokens name their issuer with it.
    demo = npmStart(dataDir, { PORTICO_IDENTITY_PORT: new URL(urlOf('identity')).port });
    running = await ready(demo);
    const again = await fetch(`${urlOf('catalog')}/products/p1/price`, {
      method: 'PUT',
      headers: { ...operator, 'content-type': 'application/json' },
      body: '{"amount":4242}',
    });
    assert.equal(again.status, 200, 'a token outlives the demo that gave it');
    const product = (await (await phone(running.gateway, '/api/v1/products/p1')).json()) as { price: object };
    assert.deepEqual(product.price, { amount: 4242, currency: 'EUR' });
  });

  test('when npm is killed the demo stops by itself', async () => {
    const { processes } = demoFile();
    demo.npm.kill('SIGKILL');
    await eventually('no process left', async () =>
      processes.some(({ pid }) => lives(pid)) ? undefined : true,
    );
  });
});
