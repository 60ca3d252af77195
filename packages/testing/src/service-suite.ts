import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventSource } from '@portico/contracts/events/event-sources.ts';
import {
  type HttpMethod,
  httpMethods,
  type OpenApiDocument,
  operationsOf,
} from '@portico/contracts/openapi.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import type { Express } from 'express';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import supertest, { type Response, type Test } from 'supertest';
import { badTokens } from './bad-tokens.ts';
import { startPostgres, type TestPostgres } from './engines.ts';
import { type Program, startProgram } from './program.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

export interface FrontDoor {
  readonly document: OpenApiDocument;
  /** The app that serves the document, with `validateAnswers`; asked when the tests run. */
  readonly app: () => Express;
  /** For each operation a request that it answers well. */
  readonly samples: Readonly<Record<string, Sample>>;
  /** Gives the tokens that commands need; asked when the tests run. */
  readonly issuer?: () => TokenIssuer;
}

export interface Sample {
  readonly path: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Who sends it; nobody when left out. */
  readonly as?: Sender;
}

type Sender = 'ada' | 'root' | 'service';

/** What each operation of an OpenAPI document must do with good and with bad requests, whatever it is for. */
export function describeFrontDoor({ document, app, samples, issuer }: FrontDoor): void {
  const operations = operationsOf(document).map(({ path, method, operation }) => {
    const sample = samples[operation.operationId];
    assert.ok(sample !== undefined, `no sample for ${operation.operationId}`);
    return { path, method, operation, sample };
  });
  const credentials = ({ as }: Sample) => (as === undefined ? {} : (issuer?.()[as] ?? {}));
  const send = (method: HttpMethod, sample: Sample, path: string): Test => {
    const { headers = {}, body } = sample;
    const request = supertest(app())[method](path).set(headers).set(credentials(sample));
    return body === undefined ? request : request.send(body);
  };

  for (const { path, method, operation, sample } of operations) {
    const { parameters = [], operationId } = operation;

    describe(operationId, () => {
      it('answers as the document says', async () => {
        const success = Object.keys(operation.responses).find((status) => status.startsWith('2'));
        const response = await send(method, sample, sample.path);
        assert.equal(response.status, Number(success), response.text);
        assert.match(response.get('Content-Type') ?? '', /^application\/json/);
        const answer = operation.responses[String(success)];
        const headers = (answer !== undefined && 'headers' in answer && answer.headers) || {};
        assert.deepEqual(
          Object.keys(headers).filter((name) => response.get(name) === undefined),
          [],
        );
      });

      it('refuses a query parameter that the document does not name', async () => {
        const response = await send(method, sample, withQuery(sample.path, 'colour', 'red'));
        assertProblem(response, 400, 'colour');
      });

      if (operation.security !== undefined && issuer !== undefined) {
        it('is refused to nobody, to bad tokens, and to whoever has none of its roles', async () => {
          const { body, path } = sample;
          const ask = (headers: Record<string, string>) => {
            const request = supertest(app())
              [method](path)
              .set({ ...sample.headers, ...headers });
            return body === undefined ? request : request.send(body);
          };
          const nobody = await ask({ 'X-User': 'root', 'Portico-Subject': 'root', Cookie: 'user=root' });
          assertProblem(nobody, 401);
          assert.equal(nobody.get('WWW-Authenticate'), 'Bearer');
          for (const [name, token] of Object.entries(await badTokens(issuer()))) {
            const answer = await ask({ Authorization: `Bearer ${token}` });
            assert.equal(answer.status, 401, name);
          }
          const stranger = await issuer().mint({ sub: 'c9', roles: [] });
          assertProblem(await ask({ Authorization: `Bearer ${stranger}` }), 403);
        });
      }

      if (path.includes('{')) {
        it('is found by well-formed ids only', async () => {
          for (const id of ['x', 'p0', '-1', '%00', 'p1%00', 'a'.repeat(3_000)]) {
            assertProblem(await send(method, sample, path.replace(/\{\w+\}/, id)), 404);
          }
          for (const id of ['%ff', 'p1%c3%28', '%']) {
            assertProblem(await send(method, sample, path.replace(/\{\w+\}/, id)), 400);
          }
        });
      }

      for (const { name, schema, ...parameter } of parameters.filter(
        (candidate) => candidate.in === 'query',
      )) {
        it(`refuses a bad "${name}"`, async () => {
          const refused = async (...values: string[]) => {
            const bare = { ...sample, path: withoutQuery(sample.path, name) };
            const url = values.reduce((address, value) => withQuery(address, name, value), bare.path);
            assertProblem(await send(method, sample, url), 400, name);
          };
          for (const value of ['', '%00', '%ff', '{}', 'x'.repeat(3_000)]) await refused(value);
          await refused('1', '1');
          if (schema.type === 'integer') {
            for (const value of ['0', '-1', '1000000000', 'abc', '1.5', '1e1', '0x1', '%2B1'])
              await refused(value);
          }
          if (schema.type === 'array') {
            const ids = idsLike(new URL(sample.path, 'http://x').searchParams.get(name) ?? '', 101);
            await refused(ids.join(','));
            await refused(`${ids[0]},${ids[0]}`);
            await refused(`${ids[0]},`);
            const most = await send(
              method,
              sample,
              withQuery(withoutQuery(sample.path, name), name, ids.slice(1).join(',')),
            );
            assert.equal(most.status, 200, most.text);
          }
          if (parameter.required)
            assertProblem(await send(method, sample, withoutQuery(sample.path, name)), 400, name);
        });
      }

      for (const { name } of parameters.filter((candidate) => candidate.in === 'header')) {
        it(`refuses a bad ${name}`, async () => {
          for (const value of [undefined, '', 'two words', 'x'.repeat(300)]) {
            const headers = value === undefined ? {} : { [name]: value };
            assertProblem(await send(method, { ...sample, headers }, sample.path), 400, name);
          }
        });
      }

      if (operation.requestBody !== undefined) {
        it('refuses a bad body', async () => {
          const { headers = {}, body = {} } = sample;
          const refused = async (status: number, text: string, fields: Record<string, string> = {}) => {
            const request = supertest(app())[method](sample.path).set(headers).set(credentials(sample));
            const response = await request.set({ 'Content-Type': 'application/json', ...fields }).send(text);
            assertProblem(response, status);
          };
          for (const text of ['', 'null', '7', '"text"', '[]', '{}', '{', '{"a":', 'not json'])
            await refused(400, text);
          await refused(400, JSON.stringify(body).slice(0, -1));
          await refused(400, JSON.stringify({ ...body, more: 1 }));
          await refused(400, `${'['.repeat(10_000)}${']'.repeat(10_000)}`);
          await refused(400, `{"a":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`);
          await refused(413, JSON.stringify({ ...body, more: 'x'.repeat(10_000_000) }));
          await refused(415, JSON.stringify(body), { 'Content-Type': 'text/plain' });
          await refused(415, JSON.stringify(body), { 'Content-Encoding': 'gzip' });
          await refused(415, JSON.stringify(body), {
            'Content-Type': 'application/json; charset=iso-8859-1',
          });
          for (const member of Object.keys(body)) {
            for (const value of [
              undefined,
              null,
              {},
              [],
              true,
              '',
              -1,
              0.5,
              1e300,
              '\u0000',
              '\ud800',
              'x'.repeat(5_000),
            ]) {
              await refused(400, JSON.stringify({ ...body, [member]: value }));
            }
          }
        });
      }
    });
  }

  it('answers other methods with 405 and says which are allowed', async () => {
    for (const { path, sample } of operations) {
      const served = httpMethods.filter((method) => document.paths[path]?.[method] !== undefined);
      for (const method of httpMethods.filter((candidate) => !served.includes(candidate))) {
        const response = await supertest(app())[method](sample.path);
        assertProblem(response, 405);
        const allowed = served.flatMap((name) => (name === 'get' ? ['GET', 'HEAD'] : [name.toUpperCase()]));
        assert.deepEqual(response.get('Allow')?.split(', '), allowed);
      }
    }
  });

  it('answers other paths with 404', async () => {
    const paths = [
      '/',
      '/nothing',
      '/..%2f',
      '/%00',
      '//',
      ...operations.map(({ sample }) => `/x${sample.path}`),
    ];
    for (const path of paths) assertProblem(await supertest(app()).get(path), 404);
    for (const { sample } of operations) {
      const [path, query] = sample.path.split('?');
      assertProblem(await supertest(app()).get(`${path}/?${query}`), 404);
    }
  });
}

export interface ServiceProgram<Tables> {
  /** The service's name, for its database. */
  readonly name: string;
  /** Its `main.ts`. */
  readonly main: URL;
  readonly migrations: Readonly<Record<string, Migration>>;
  /** The table that the seed fills, and the number of rows that it gets with `PORTICO_DEMO_PRODUCTS=40`; 0 where there is no seed. */
  readonly table: keyof Tables & string;
  readonly rows: number;
  /** A path that reads from the database. */
  readonly path: string;
  /** Who reads it; nobody when left out. */
  readonly as?: Sender;
  /** The status of its answer, also where the seed's rows are gone; 200 when left out. */
  readonly status?: number;
}

/** What the program of a service must do from its start to its end, whatever the service is for. */
export function describeProgram<Tables>(service: ServiceProgram<Tables>): void {
  const { name, migrations, table, rows, path, as, status = 200 } = service;
  const databases = ['twice', 'killed', 'away'].map((suffix) => `${name}_${suffix}`);
  const running = new Set<Program>();
  const relays = new Set<Relay>();
  let postgres: TestPostgres;
  let issuer: TokenIssuer;

  before(async () => {
    postgres = await startPostgres({ databases });
    issuer = await startTokenIssuer();
  });
  afterEach(async () => {
    await Promise.all([...running].map((program) => program.end('SIGKILL')));
    await Promise.all([...relays].map((relay) => relay.close()));
    running.clear();
    relays.clear();
  });
  after(async () => {
    await issuer?.close();
    await postgres?.stop();
  });

  const urlOf = (suffix: string) => String(postgres.databases[`${name}_${suffix}`]);
  const start = (env: NodeJS.ProcessEnv) => {
    const program = startProgram(service.main, {
      PORTICO_DEMO_PRODUCTS: '40',
      OIDC_ISSUER: issuer.issuer,
      ...env,
    });
    running.add(program);
    return program;
  };
  const read = async (url: string, timeoutMs = 10_000) => {
    const headers = as === undefined ? {} : issuer[as];
    return fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(timeoutMs) });
  };
  const inDatabase = async <Result>(suffix: string, work: (db: Database<Tables>) => Promise<Result>) => {
    const db = createDatabase<Tables>(urlOf(suffix), silentLogger);
    return work(db).finally(() => db.destroy());
  };
  const ask = (suffix: string, question: RawBuilder<unknown>) =>
    inDatabase(suffix, async (db) => {
      const found = await sql<{
        answer: unknown;
      }>`select ${question} as answer from ${sql.table(table)} as row`.execute(db);
      return found.rows[0]?.answer;
    });
  const count = (suffix: string) => ask(suffix, sql`count(*)`);
  const fingerprint = (suffix: string) =>
    ask(suffix, sql`md5(string_agg(row::text, ' ' order by row::text))`);

  describe(`The program of ${name}`, () => {
    it('fills a new database once, also when two instances start at the same time', async () => {
      const programs = [start({ DATABASE_URL: urlOf('twice') }), start({ DATABASE_URL: urlOf('twice') })];
      for (const { ready } of programs) assert.equal((await read((await ready).url)).status, status);
      assert.equal(await count('twice'), rows);
      for (const program of programs) {
        const { code, stderr } = await program.end('SIGTERM');
        assert.deepEqual([code, stderr], [0, '']);
      }
    });

    it('has whole rows in the transaction log, as change capture needs them', async () => {
      const { rows } = await inDatabase('twice', (db) =>
        sql`select relreplident as kept from pg_class where oid = ${table}::regclass`.execute(db),
      );
      assert.deepEqual(rows, [{ kept: 'f' }]);
    });

    it('publishes the tables that its events are declared for, and no other', async () => {
      const published = await inDatabase('twice', (db) =>
        sql<{
          tablename: string;
        }>`select tablename from pg_publication_tables where pubname = 'portico'`.execute(db),
      );
      const tables = published.rows.map(({ tablename }) => tablename).sort();
      assert.deepEqual(tables, eventSource(name).tables.toSorted());
    });

    if (rows > 0) {
      it('does not bring back what was deleted', async () => {
        await inDatabase('twice', (db) => sql`truncate ${sql.table(table)} cascade`.execute(db));
        await start({ DATABASE_URL: urlOf('twice') }).ready;
        assert.equal(await count('twice'), 0);
      });

      it('leaves nothing half filled when it is killed, and fills every database with the same rows', async () => {
        await inDatabase('killed', async (db) => {
          await migrateToLatest(db, migrations);
          await db.transaction().execute(async (trx) => {
            await sql`lock table ${sql.table(table)} in access exclusive mode`.execute(trx);
            const program = start({ DATABASE_URL: urlOf('killed') });
            await somebodyWaits(trx);
            await program.end('SIGKILL');
          });
        });
        assert.equal(await count('killed'), 0);
        await Promise.all(['killed', 'away'].map((suffix) => start({ DATABASE_URL: urlOf(suffix) }).ready));
        assert.equal(await count('killed'), rows);
        assert.equal(await fingerprint('killed'), await fingerprint('away'));
      });
    }

    it('waits for a database that is still starting, says 503 while it is away, and heals', async () => {
      const relay = await startRelay(urlOf('away'));
      relays.add(relay);
      const tried = relay.cut();
      const program = start({ DATABASE_URL: relay.url });
      await tried;
      relay.heal();
      const { url, admin } = await program.ready;
      assert.equal((await read(url)).status, status);

      relay.cut();
      const away = await read(url, 2_000);
      assert.equal(away.status, 503);
      assert.equal(away.headers.get('content-type'), 'application/problem+json');
      const readiness = await fetch(`${admin}/readyz`);
      assert.equal(readiness.status, 503);
      assert.deepEqual(await readiness.json(), { ready: false, notReady: ['database'] });

      relay.heal();
      assert.equal((await read(url)).status, status);
      assert.equal((await fetch(`${admin}/readyz`)).status, 200);
    });

    it('can be told to fail in demo mode, and only then', async () => {
      const fail = {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: '{"errorRate":1}',
      };
      const plain = await start({ DATABASE_URL: urlOf('away') }).ready;
      assert.equal((await fetch(`${plain.admin}/faults`, fail)).status, 404);
      const { url, admin } = await start({ DATABASE_URL: urlOf('away'), PORTICO_DEMO: 'true' }).ready;
      assert.equal((await fetch(`${admin}/faults`, fail)).status, 200);
      assert.equal((await read(url)).status, 503);
      assert.equal((await fetch(`${admin}/faults`, { method: 'DELETE' })).status, 200);
      assert.equal((await read(url)).status, status);
    });

    it('does not start with wrong settings, and says in one line why', async () => {
      const wrongPassword = new URL(urlOf('away'));
      wrongPassword.password = 'a-wrong-one';
      for (const [DATABASE_URL, reason] of [
        ['', /DATABASE_URL/],
        ['mysql://localhost/shop', /DATABASE_URL/],
        [wrongPassword.href, /database.*password/],
      ] as const) {
        const { code, stderr } = await start({ DATABASE_URL }).ended;
        assert.equal(code, 1);
        assert.match(stderr, reason);
        assert.match(stderr, /^[^\n]+\n$/);
        assert.ok(!stderr.includes('a-wrong-one'));
      }
    });
  });
}

/** Resolves when a session waits for a lock. */
async function somebodyWaits<Tables>(db: Kysely<Tables>): Promise<void> {
  for (;;) {
    const { rows } = await sql`select 1 from pg_locks where not granted`.execute(db);
    if (rows.length > 0) return;
  }
}

interface Relay {
  /** The database's URL, through the relay. */
  readonly url: string;
  /** Breaks all connections and every new one; resolves at the first attempt to connect. */
  cut(): Promise<void>;
  heal(): void;
  close(): Promise<void>;
}

/** Stands between a service and its database, so that a test can take the database away and bring it back. */
async function startRelay(databaseUrl: string): Promise<Relay> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let refuse: (() => void) | undefined;
  const server = createServer((near) => {
    if (refuse !== undefined) {
      refuse();
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  const cut = () =>
    new Promise<void>((resolve) => {
      refuse = resolve;
      for (const socket of sockets) socket.resetAndDestroy();
    });
  const heal = () => {
    refuse = undefined;
  };
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { url: url.href, cut, heal, close };
}

/** Asserts that an answer is a problem with this status which mentions `mention` and tells nothing of the inside. */
export function assertProblem(response: Response, status: number, mention = ''): void {
  assert.equal(response.status, status, response.text);
  assert.equal(response.get('Content-Type'), 'application/problem+json');
  const problem = JSON.parse(response.text);
  assert.match(problem.type, /^urn:portico:problem:[a-z-]+$/);
  assert.equal(problem.status, status);
  assert.equal(problem.requestId, response.get('X-Request-Id'));
  assert.ok(problem.detail.includes(mention), `"${problem.detail}" does not mention "${mention}"`);
  assert.ok(response.text.length < 1_000, 'a problem repeats little of what it was sent');
  assert.doesNotMatch(response.text, /node_modules|\.ts:|select |insert |relation|postgres|127\.0\.0\.1/i);
}

function withQuery(path: string, name: string, value: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${value}`;
}

function withoutQuery(path: string, name: string): string {
  const [address, query = ''] = path.split('?');
  const rest = query.split('&').filter((pair) => pair !== '' && !pair.startsWith(`${name}=`));
  return rest.length === 0 ? String(address) : `${address}?${rest.join('&')}`;
}

/** Ids with the letter of the first of `sample`. */
function idsLike(sample: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${sample.slice(0, 1)}${index + 1}`);
}
