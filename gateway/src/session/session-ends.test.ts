import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SessionEnded } from '@portico/contracts/events/session-ended.ts';
import { httpAnswer, type Script, startScriptedServer } from '@portico/testing/scripted-server.ts';
import request from 'supertest';
import { startSignInGateway } from './test-sign-in.fixture.ts';

const taken: Script = () => [httpAnswer(204)];

/** An instance behind the gateway that is told of ends; it answers those as `script` says. */
async function startInstance(t: TestContext, script: Script = taken) {
  const server = await startScriptedServer(script);
  t.after(() => server.close());
  const posts = async () => {
    const bodies = server.requests
      .filter(({ method, target }) => method === 'POST' && target === '/ends')
      .map(async ({ body }) => JSON.parse((await body) ?? '[]') as SessionEnded[]);
    return Promise.all(bodies);
  };
  const said = async () => (await posts()).flat().map(({ subject, data }) => [subject, data.reason]);
  return { ...server, posts, said };
}

async function startGateway(t: TestContext, instances: readonly { readonly url: string }[]) {
  const urls = JSON.stringify(instances.map(({ url }) => url));
  return startSignInGateway(t, { upstream: () => `{ targets: ${urls}, sessionEnds: /ends }` });
}

test('each instance behind the gateway is told of which users a session ended, and why', async (t) => {
  const instances = [await startInstance(t), await startInstance(t)];
  const { url, browser, gateway, provider } = await startGateway(t, instances);
  const told = () => Promise.all(instances.map((instance) => instance.next()));
  const ends: Record<string, (sub: string, ada: ReturnType<typeof browser>) => Promise<unknown>> = {
    logout: (_sub, ada) => ada.post('/auth/logout'),
    'signed-in-again': (sub, ada) => ada.signIn({ sub }),
    operator: async (sub) => assert.equal(await gateway.endSessions?.('sub', sub), 1),
    provider: async (sub) => {
      const form = { logout_token: await provider.logoutToken({ sub: undefined, sid: `sid-${sub}` }) };
      await request(url).post('/auth/backchannel-logout').type('form').send(form).expect(200);
    },
  };
  for (const [at, [reason, end]] of Object.entries(ends).entries()) {
    const ada = browser();
    await ada.signIn({ sub: `c${at}` });
    const both = told();
    await end(`c${at}`, ada);
    await both;
    for (const { said } of instances) assert.deepEqual((await said())[at], [`c${at}`, reason]);
  }
  const [[event] = []] = (await instances[0]?.posts()) ?? [];
  assert.deepEqual(Object.keys(event ?? {}), [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'datacontenttype',
    'data',
  ]);
  assert.equal(event?.type, 'dev.portico.gateway.session-ended');
});

test('an instance that fails is told again, and one that refuses it is not', async (t) => {
  let failures = 2;
  const failing = await startInstance(t, () => [httpAnswer(failures-- > 0 ? 500 : 204)]);
  const refusing = await startInstance(t, () => [httpAnswer(404)]);
  const { browser } = await startGateway(t, [failing, refusing]);
  const ada = browser();
  await ada.signIn();
  const first = failing.next();
  await ada.post('/auth/logout');
  await first;
  await failing.next();
  await failing.next();
  assert.deepEqual(
    await failing.said(),
    [1, 2, 3].map(() => ['c1', 'logout']),
  );
  assert.deepEqual(await refusing.said(), [['c1', 'logout']]);
});

test('an end that is not told yet when another gateway.yaml comes into force is told on', async (t) => {
  let isAway = true;
  const instance = await startInstance(t, () => [httpAnswer(isAway ? 500 : 204)]);
  const { browser, gateway, metrics } = await startGateway(t, [instance]);
  const ada = browser();
  await ada.signIn();
  const first = instance.next();
  await ada.post('/auth/logout');
  await first;
  gateway.retire();
  await instance.next();
  isAway = false;
  const told = metrics.registry.getSingleMetric('portico_session_ends_told_total');
  const outcomes = async () => (await told?.get())?.values.map(({ labels }) => Object.values(labels)[0]);
  await instance.next();
  while (!(await outcomes())?.includes('told')) await new Promise(setImmediate);
});

test('no route leads a stranger to where ends are told', async (t) => {
  const instance = await startInstance(t);
  const { url } = await startGateway(t, [instance]);
  await request(url).post('/ends').send([]).expect(404);
  assert.equal(instance.requests.length, 0);
});
