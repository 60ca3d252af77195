/** Of `@portico/runtime/access-token.ts` and `identity.ts`; here, as runtime can't depend on the issuer of this package. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createTokenVerifier, type TokenVerifier } from '@portico/runtime/access-token.ts';
import { contextOf, createHttpApp } from '@portico/runtime/http-app.ts';
import { identifyUser, requireIdentity, requireRole } from '@portico/runtime/identity.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import supertest, { type Response as Answer } from 'supertest';
import { badTokens } from './bad-tokens.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

let issuer: TokenIssuer;
let handled = 0;
before(async () => {
  issuer = await startTokenIssuer();
});
after(() => issuer.close());
afterEach(() => {
  issuer.setAway(false);
  handled = 0;
});

/** Says who asks; counts what reaches it. */
function createApp(verify: TokenVerifier = issuer.verify) {
  const options = { log: silentLogger, metrics: createMetrics('test'), timeoutMs: 60_000 };
  return createHttpApp(options, (app) => {
    app.use(identifyUser(verify));
    app.get('/whoami', (_req, res) => {
      handled += 1;
      res.json({ identity: contextOf(res).identity ?? null });
    });
    app.get('/mine', (_req, res) => void res.json({ subject: requireIdentity(contextOf(res)).subject }));
    app.get('/console', (_req, res) => {
      res.json({ subject: requireRole(contextOf(res), 'operator').subject });
    });
  });
}

function ask(path: string, authorization?: string, app = createApp()) {
  const request = supertest(app).get(path);
  return authorization === undefined ? request : request.set('Authorization', authorization);
}

function assertInvalid(response: Answer, name: string, token: string): void {
  assert.equal(response.status, 401, name);
  assert.equal(response.body.type, 'urn:portico:problem:unauthenticated', name);
  assert.equal(response.get('WWW-Authenticate'), 'Bearer error="invalid_token"', name);
  assert.ok(token.length < 8 || !JSON.stringify(response.body).includes(token.slice(0, 8)), name);
}

describe('A token that must not be believed', () => {
  it('is a 401 that tells nothing, and nothing of the request is handled', async () => {
    const app = createApp();
    for (const [name, token] of Object.entries(await badTokens(issuer))) {
      assertInvalid(await ask('/whoami', `Bearer ${token}`, app), name, token);
    }
    assert.equal(handled, 0);
  });

  it('is one in a field that is not well-formed', async () => {
    const good = await issuer.mint();
    for (const field of [
      'Bearer',
      'Bearer ',
      `Bearer ${good} ${good}`,
      `Bearer ${good},${good}`,
      'Bearer ä',
    ]) {
      assertInvalid(await ask('/whoami', Buffer.from(field).toString('latin1')), field, good);
    }
    assert.equal(handled, 0);
  });

  it('is one of two in a request, also when both are good', async () => {
    const server = createServer(createApp()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const field = `Authorization: ${issuer.ada.authorization}\r\n`;
    socket.end(`GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${field}${field}\r\n`);
    assert.match(await text(socket), /^HTTP\/1\.1 401 /);
    assert.equal(handled, 0);
    server.close();
  });
});

describe('A valid token', () => {
  it('says who asks, with roles and scopes', async () => {
    const token = await issuer.mint({ scope: 'openid shop' });
    const { body } = await ask('/whoami', `bearer  ${token}`);
    const identity = { subject: 'c1', name: 'Ada', roles: ['customer'], scopes: ['openid', 'shop'], token };
    assert.deepEqual(body, { identity });
  });

  it('may name several audiences, and no type', async () => {
    for (const token of [
      await issuer.mint({ aud: ['somebody-else', 'portico'] }),
      await issuer.mint({}, { typ: undefined as never }),
      await issuer.mint({}, { typ: 'application/AT+JWT' }),
      await issuer.mint({ name: 7, roles: 'operator', scope: undefined }),
    ]) {
      assert.equal((await ask('/whoami', `Bearer ${token}`)).body.identity?.subject, 'c1');
    }
  });

  it('ends when it says so, by a clock that may differ by seconds', async () => {
    let now = Date.now();
    const verify = createTokenVerifier({ issuer: issuer.issuer, audience: 'portico', now: () => now });
    const app = createApp(verify);
    assert.equal((await ask('/whoami', issuer.ada.authorization, app)).status, 200);
    now += 903_000;
    assert.equal((await ask('/whoami', issuer.ada.authorization, app)).status, 200);
    now += 4_000;
    assert.equal((await ask('/whoami', issuer.ada.authorization, app)).status, 401);
  });
});

describe('Nobody', () => {
  it('is who sends no bearer token, whatever else they say of themselves', async () => {
    const basic = `Basic ${Buffer.from('root:demo').toString('base64')}`;
    const sayings: Record<string, string>[] = [
      {},
      { authorization: basic },
      { 'x-user': 'root', 'portico-subject': 'root', 'x-forwarded-user': 'root', 'remote-user': 'root' },
      { cookie: `access_token=${await issuer.mint()}` },
    ];
    for (const fields of sayings) {
      const { body } = await supertest(createApp()).get('/whoami').set(fields);
      assert.deepEqual(body, { identity: null });
    }
    const inQuery = await ask(`/whoami?access_token=${await issuer.mint()}`);
    assert.deepEqual(inQuery.body, { identity: null });
  });

  it('is told how to be somebody where that is needed', async () => {
    const { status, headers, body } = await ask('/mine');
    assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer']);
    assert.equal(body.type, 'urn:portico:problem:unauthenticated');
    assert.equal((await ask('/console')).status, 401);
  });
});

it('Somebody without the role that is needed is refused, and told which it is', async () => {
  const refused = await ask('/console', issuer.ada.authorization);
  assert.equal(refused.status, 403);
  assert.equal(refused.body.type, 'urn:portico:problem:forbidden');
  assert.match(refused.body.detail, /operator/);
  assert.deepEqual((await ask('/console', issuer.root.authorization)).body, { subject: 'root' });
});

describe('The keys of the provider', () => {
  const verifier = (now: () => number) =>
    createTokenVerifier({ issuer: issuer.issuer, audience: 'portico', now });

  it('are followed at once when they change, and old tokens stay valid', async () => {
    const verify = verifier(Date.now);
    const old = await issuer.mint();
    await verify(old);
    await issuer.rotate();
    assert.equal((await verify(await issuer.mint())).subject, 'c1');
    await issuer.rotate();
    assert.equal((await verify(await issuer.mint())).subject, 'c1');
    assert.equal((await verify(old)).subject, 'c1');
  });

  it('are read once for many tokens, and few times for a flood of invented key ids', async () => {
    let now = Date.now();
    const verify = verifier(() => now);
    const before = issuer.keyReads();
    const good = await issuer.mint();
    await Promise.all(Array.from({ length: 50 }, () => verify(good)));
    assert.equal(issuer.keyReads() - before, 1);

    for (let n = 0; n < 100; n += 1) {
      const token = await issuer.mint({}, { kid: `invented-${n}` });
      await assert.rejects(verify(token), { problem: 'unauthenticated' });
    }
    assert.equal(issuer.keyReads() - before, 5);
    await issuer.rotate();
    now += 10_000;
    assert.equal((await verify(await issuer.mint())).subject, 'c1');
  });

  it('count on while the provider is away, and are read again when they are old', async () => {
    let now = Date.now();
    let away = false;
    let reads = 0;
    const jwksUrl = `${issuer.issuer}/jwks`;
    const keys = await (await fetch(jwksUrl)).text();
    const fetchKeys = async () => {
      reads += 1;
      if (away) throw new Error('nobody answers');
      return new Response(keys);
    };
    const verify = createTokenVerifier({
      issuer: issuer.issuer,
      audience: 'portico',
      jwksUrl,
      now: () => now,
      fetch: fetchKeys,
    });
    const lasting = await issuer.mint({ exp: Math.floor(now / 1_000) + 86_400 });
    await verify(lasting);
    now += 599_999;
    await verify(lasting);
    assert.equal(reads, 1);
    away = true;
    now += 1;
    assert.equal((await verify(lasting)).subject, 'c1');
    assert.equal(reads, 2);
    away = false;
    await turn();
    await verify(lasting);
    await verify(lasting);
    assert.equal(reads, 3);
  });

  it('are missed with a 503 when there never were any, and found when the provider is back', async () => {
    issuer.setAway(true);
    let now = Date.now();
    const app = createApp(verifier(() => now));
    const { status, body, headers } = await ask('/whoami', issuer.ada.authorization, app);
    assert.deepEqual([status, body.type], [503, 'urn:portico:problem:unavailable']);
    assert.equal(headers['retry-after'], '1');
    assert.equal((await ask('/whoami', undefined, app)).status, 200);
    issuer.setAway(false);
    now += 1_000;
    assert.equal((await ask('/whoami', issuer.ada.authorization, app)).status, 200);
  });

  it('are not waited for by a request whose time is over', async () => {
    const hangs = createTokenVerifier({
      issuer: issuer.issuer,
      audience: 'portico',
      fetch: () => new Promise(() => {}),
    });
    const answer = await ask('/whoami', issuer.ada.authorization, createApp(hangs)).set(
      'Portico-Timeout-Ms',
      '20',
    );
    assert.equal(answer.status, 504);
  });

  it('are not taken from a provider that describes itself as another issuer', async () => {
    const described = JSON.stringify({ issuer: 'https://evil.example', jwks_uri: `${issuer.issuer}/jwks` });
    const fetchThere: typeof fetch = async (url, init) =>
      String(url).endsWith('/jwks') ? fetch(url, init) : new Response(described);
    const verify = createTokenVerifier({ issuer: issuer.issuer, audience: 'portico', fetch: fetchThere });
    await assert.rejects(verify(await issuer.mint()), { problem: 'unavailable' });
  });

  it('are not taken from a provider that answers nonsense', async () => {
    const { issuer: url } = issuer;
    const answers = [
      '{}',
      '{"keys":7}',
      '[]',
      'null',
      'nonsense',
      JSON.stringify({ issuer: 'x', jwks_uri: `${url}/jwks` }),
    ];
    for (const answer of answers) {
      const fetch = async () => new Response(answer);
      for (const jwksUrl of [undefined, `${url}/jwks`]) {
        const verify = createTokenVerifier({ issuer: url, audience: 'portico', jwksUrl, fetch });
        await assert.rejects(verify(await issuer.mint()), { problem: /unavailable|unauthenticated/ }, answer);
      }
    }
  });
});
