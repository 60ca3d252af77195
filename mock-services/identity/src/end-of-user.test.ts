import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  cli,
  createBrowser,
  exchange,
  phone,
  startIdentity,
  type TestIdentity,
  token,
} from './identity.fixture.ts';

let identity: TestIdentity;
before(async () => {
  identity = await startIdentity();
});
after(() => identity.close());

test('what is under way when a user is disabled gives no tokens', async () => {
  const { issuer, disable, enable } = identity;
  const browser = createBrowser(issuer);
  const code = (await browser.signIn(phone, 'c9')).searchParams.get('code');
  const other = (await createBrowser(issuer).signIn(phone, 'c10')).searchParams.get('code');
  const path = await browser.begin(cli);
  assert.match((await browser.get(path)).text, /Go on as Customer c9\?/);

  await disable('c9');
  assert.deepEqual((await exchange(issuer, phone, code)).body.error, 'invalid_grant');
  const asked = await browser.get(path);
  assert.doesNotMatch(asked.text, /Go on as/);
  const sent = await browser.post(`${path}/continue`);
  const end = sent.location === '' ? sent : await browser.get(sent.location);
  assert.doesNotMatch(end.location, /code=/);
  assert.equal((await exchange(issuer, phone, other)).status, 200);

  // What was taken then does not come back.
  enable('c9');
  assert.deepEqual((await exchange(issuer, phone, code)).body.error, 'invalid_grant');
  assert.match((await browser.get(await browser.begin(cli))).text, /name="password"/);
  const again = (await browser.signIn(cli, 'c9')).searchParams.get('code');
  assert.equal((await exchange(issuer, cli, again)).status, 200);
});

test('a refresh token that is used while its user is being disabled is good for nothing afterwards', async () => {
  const { issuer, disable } = identity;
  const { searchParams } = await createBrowser(issuer).signIn(phone, 'c11');
  const { body } = await exchange(issuer, phone, searchParams.get('code'));
  const refresh = (refresh_token = '') =>
    token(issuer, { grant_type: 'refresh_token', client_id: phone.client_id, refresh_token });
  const [meanwhile] = await Promise.all([refresh(body.refresh_token), disable('c11')]);
  assert.equal((await refresh(meanwhile.body.refresh_token)).status, 400);
});

test('only users there are can be disabled', async () => {
  await assert.rejects(identity.disable('nobody'), { problem: 'not-found' });
  assert.throws(() => identity.enable('nobody'), { problem: 'not-found' });
});
