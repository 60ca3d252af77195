import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventSource } from '@portico/contracts/events/event-sources.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { assertProblem } from '@portico/testing/service-suite.ts';
import type { Express } from 'express';
import supertest from 'supertest';
import { createCaptureMetrics } from '../capture/capture-metrics.ts';
import type { EventHub, SourceWriter } from '../hub/event-hub.ts';
import { createEventPosts } from './create-event-posts.ts';
import { toPostedEvents, toPostedProgress } from './posted-events.ts';
import { createSourceInbox, type SourceInbox } from './source-inbox.ts';

const secrets: Readonly<Record<string, string>> = { inventory: 'i'.repeat(32), customers: 'c'.repeat(32) };
const batch = 'application/cloudevents-batch+json';
const time = Date.UTC(2030, 0, 1);

let openHub: ReturnType<typeof createMemoryLog>;
let hub: EventHub;
let inboxes: SourceInbox[];
let app: Express;

/** As one process of several that can take posts has it. */
function start(of: Pick<EventHub, 'writer'> = hub): Express {
  const metrics = createMetrics('test');
  const metricsOf = createCaptureMetrics(metrics, Date.now);
  const sources = Object.entries(secrets).map(([name, secret]) => {
    const inbox = createSourceInbox({
      source: eventSource(name),
      hub: of,
      log: silentLogger,
      metrics: metricsOf(name),
      retryMs: 1,
    });
    inboxes.push(inbox);
    return { source: eventSource(name), secret, inbox };
  });
  return createEventPosts({ sources, log: silentLogger, metrics });
}

beforeEach(() => {
  openHub = createMemoryLog();
  hub = openHub();
  inboxes = [];
  app = start();
});
afterEach(async () => {
  await Promise.all(inboxes.map((inbox) => inbox.close()));
});

const stock = (productId: string, quantity = 1) => ({
  type: 'stock-changed',
  key: productId,
  data: { before: null, after: { productId, quantity, reserved: 0 } },
});
const commit = (sequence: number, log = 'a', ...events: object[]) =>
  toPostedEvents(
    'inventory',
    { log, sequence: String(sequence) },
    time + sequence,
    (events.length > 0 ? events : [stock(`p${sequence}`)]) as ReturnType<typeof stock>[],
  );
const upTo = (sequence: number, log = 'a') =>
  toPostedProgress('inventory', { log, sequence: String(sequence) }, time + 1_000);

const send = (body: object, to = app, as = 'inventory', type = batch) =>
  supertest(to)
    .post('/events/inventory')
    .set('Authorization', `Bearer ${secrets[as] ?? as}`)
    .set('Content-Type', type)
    .send(JSON.stringify(body));
/** What a post is answered with that is stored. */
const stored = async (body: object) => {
  const { status, text } = await send(body);
  assert.equal(status, 200, text);
  return JSON.parse(text);
};
const records = async () => hub.read({ epoch: await hub.epoch(), number: 0 }, 1_000);
/** Each record by its number in the source, and what it is about. */
const told = async () =>
  (await records()).map(({ offset, events }) => [offset.at, ...events.map(({ key }) => key)].join(' '));

describe('A post', () => {
  it('is in the hub when it is answered: a record for each commit, then how far everything is told', async () => {
    const body = [...commit(1), ...commit(2, 'a', stock('p7', 3), stock('p8')), upTo(2)];
    assert.deepEqual(await stored(body), { log: 'a', sequence: '2' });
    assert.deepEqual(await told(), ['0 lost', '1 p1', '2 p7 p8']);
    const last = (await records()).at(-1);
    assert.deepEqual(last?.events[0], { ...stock('p7', 3), id: 'a.2.0' });
    assert.deepEqual(
      [last?.xid, last?.committedAt, last?.offset],
      ['2', time + 2, { log: 'post.a', at: '2' }],
    );
    const [progress] = await hub.progress();
    assert.deepEqual(progress, {
      source: 'inventory',
      offset: { log: 'post.a', at: '2' },
      xmin: '3',
      committedAt: time + 1_000,
      number: 3,
    });
  });

  it('goes on in the trace that its events name', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await stored(commit(1, 'a', { ...stock('p1'), traceparent }, stock('p2')));
    const events = (await records()).at(-1)?.events;
    assert.deepEqual(
      events?.map((event) => event.traceparent),
      [traceparent, undefined],
    );
  });

  it('may be one event alone', async () => {
    const [event] = commit(1);
    assert.ok(event);
    const { status } = await send(event, app, 'inventory', 'application/cloudevents+json; charset=utf-8');
    assert.equal(status, 200);
    assert.deepEqual(await told(), ['0 lost', '1 p1']);
    assertProblem(await send(event), 400, 'batch');
  });

  it('has no effect when it is repeated, in whole or in part, or comes late', async () => {
    await stored([...commit(1), upTo(1)]);
    await stored([...commit(1), upTo(1)]);
    assert.deepEqual(await stored([...commit(1), ...commit(2), upTo(2)]), { log: 'a', sequence: '2' });
    assert.deepEqual(await stored([...commit(1), upTo(1)]), { log: 'a', sequence: '2' });
    assert.deepEqual(await told(), ['0 lost', '1 p1', '2 p2']);
    assert.equal((await hub.progress())[0]?.xmin, '3');
  });

  it('after one that was lost says first that everything may have changed', async () => {
    await stored(commit(1));
    await stored([...commit(4), ...commit(6)]);
    await stored([upTo(9)]);
    await stored(commit(10));
    const expected = ['0 lost', '1 p1', '3 lost', '4 p4', '5 lost', '6 p6', '9 lost', '10 p10'];
    assert.deepEqual(await told(), expected);
    assert.ok(
      (await records()).every(
        ({ events }) => events[0]?.key !== 'lost' || events[0].type === 'everything-changed',
      ),
    );
  });

  it('of another log says first that everything may have changed, also with lower numbers', async () => {
    await stored([...commit(5), upTo(5)]);
    await stored([upTo(2, 'b')]);
    await stored(commit(3, 'b'));
    assert.deepEqual(await told(), ['4 lost', '5 p5', '2 lost', '3 p3']);
  });

  it('can say that anything has changed', async () => {
    const everything = { type: 'everything-changed', key: 'too-large', data: { before: 1, after: null } };
    await stored(commit(1, 'a', everything));
    assert.deepEqual((await records()).at(-1)?.events[0]?.data, { before: null, after: null });
    const marker = { ...everything, key: 'snapshot-ended' };
    assertProblem(await send(commit(2, 'a', marker)), 400, 'too-large');
  });

  it('of one large commit is several parts of it', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => stock(`p${index + 1}`));
    await stored(commit(1, 'a', ...many));
    const [, ...parts] = await records();
    assert.equal(parts.flatMap(({ events }) => events).length, 5_000);
    assert.deepEqual(
      parts.map(({ part, offset }) => [part?.number, part?.of, offset.at]),
      [1, 2].map((number) => [number, 2, '1']),
    );
  });
});

describe('What is refused', () => {
  const refused = async (body: object, ...mentions: string[]) => {
    const answer = await send(body);
    assertProblem(answer, 400);
    for (const mention of mentions) assert.ok(answer.text.includes(mention), `${mention}: ${answer.text}`);
    assert.deepEqual(await told(), []);
  };
  const changed = (changes: object) => commit(1).map((event) => ({ ...event, ...changes }));

  it('is whatever has no secret, a wrong one, or that of another source', async () => {
    for (const secret of ['customers', 'wrong', 'i'.repeat(31), `${secrets.inventory}i`]) {
      const answer = await send(commit(1), app, secret);
      assertProblem(answer, 401);
      assert.equal(answer.get('WWW-Authenticate'), 'Bearer');
    }
    const nobody = supertest(app).post('/events/inventory').set('Content-Type', batch);
    assertProblem(await nobody.send(JSON.stringify(commit(1))), 401);
    const elsewhere = supertest(app).post('/events/catalog').set('Authorization', 'Bearer ');
    assertProblem(await elsewhere.send('[]'), 401);
    assert.deepEqual(await told(), []);
  });

  it('is an event of another source, of an unknown type, or with other members than were declared', async () => {
    await refused(changed({ source: 'urn:portico:service:customers' }), 'Event 1', 'source');
    await refused(changed({ type: 'dev.portico.customers.customer-changed' }), 'type');
    await refused(changed({ type: 'dev.portico.inventory.price-changed' }), 'no events of this type');
    await refused(changed({ subject: 'p2' }), 'key');
    await refused(
      changed({ data: { before: null, after: { productId: 'p1', quantity: 'many', reserved: 0 } } }),
      'quantity',
    );
    await refused(changed({ data: undefined }), 'data');
  });

  it('is what is no CloudEvent, or does not say where it stands', async () => {
    await refused([], 'no events');
    await refused([null]);
    await refused(changed({ specversion: '0.3' }), 'specversion');
    await refused(changed({ time: 'yesterday' }), 'time');
    await refused(changed({ time: '2030-13-41T00:00:00Z' }), 'time');
    for (const sequence of ['', '-1', '01', '1.5', '9'.repeat(19), 1])
      await refused(changed({ sequence }), 'sequence');
    await refused(changed({ sequence: '0' }), 'sequence');
    await refused(changed({ log: 'a.b' }), 'log');
  });

  it('is what is out of order, or half of a commit', async () => {
    await refused([...commit(2), ...commit(1)], 'Event 2', 'above');
    await refused([...commit(1), ...commit(1)], 'Event 2');
    await refused([...commit(1), ...commit(2, 'b')], 'Event 2');
    await refused([upTo(1), ...commit(1)], 'Event 1', 'last');
    await refused([...commit(2), upTo(1)], 'Event 2');
    const [half] = commit(1, 'a', stock('p1'), stock('p2'));
    await refused([half], 'whole');
    await refused([half, ...commit(2)], 'whole');
  });

  it('is what is too large, of another type, compressed, no JSON, or not posted', async () => {
    const large = 'x'.repeat(2 * 1024 * 1024);
    assertProblem(await send(changed({ large })), 413);
    assertProblem(await send(commit(1), app, 'inventory', 'application/json'), 415, 'cloudevents');
    const post = () =>
      supertest(app)
        .post('/events/inventory')
        .set({ Authorization: `Bearer ${secrets.inventory}`, 'Content-Type': batch });
    assertProblem(await post().set('Content-Encoding', 'gzip').send('x'), 415);
    assertProblem(await post().send('[{'), 400);
    const get = await supertest(app).get('/events/inventory');
    assertProblem(get, 405);
    assert.equal(get.get('Allow'), 'POST');
    assertProblem(await supertest(app).get('/'), 404);
  });
});

describe('Of two processes', () => {
  it('one takes the posts, and the other answers 503 until it takes over', async () => {
    await stored(commit(1));
    const other = start(openHub());
    const answer = await send(commit(2), other);
    assertProblem(answer, 503);
    assert.equal(answer.get('Retry-After'), '1');
    await Promise.all(inboxes.slice(0, 2).map((inbox) => inbox.close()));
    assertProblem(await send(commit(2)), 503);
    while ((await send([...commit(1), ...commit(2)], other)).status === 503);
    assert.deepEqual(await told(), ['0 lost', '1 p1', '2 p2']);
  });

  it('one that can not store says so, asks the hub what it has, and goes on', async () => {
    let fails = 0;
    const breaking = async (source: string, signal: AbortSignal): Promise<SourceWriter> => {
      const writer = await hub.writer(source, signal);
      const append: SourceWriter['append'] = async (...what) => {
        await writer.append(...what);
        fails += 1;
        if (fails === 1) throw new Error('the connection broke, and nobody knows what is stored');
      };
      return { ...writer, append };
    };
    await Promise.all(inboxes.splice(0).map((inbox) => inbox.close()));
    app = start({ writer: breaking });
    while ((await send(commit(1))).status === 503);
    await stored(commit(2));
    assert.deepEqual(await told(), ['0 lost', '1 p1', '2 p2']);
    assert.ok(fails > 1);
  });
});
