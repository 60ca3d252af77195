/** Mocks of documents that other teams wrote, in OpenAPI 3.0 and 3.1. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMockHandlers } from './create-mock-handlers.ts';
import { fixture, mockOf, read } from './mock.fixture.ts';
import { normaliseDocument } from './normalise-document.ts';

describe('a document of OpenAPI 3.0', () => {
  const parcels = mockOf(fixture('parcels.yaml'));

  test('its stated examples are answered, with the id that was asked for', async () => {
    const depot = await read(parcels, '/depots/7');
    assert.deepEqual(depot, { id: 7, city: 'Utrecht', opened: '2011-05-04' });
    const mine = await read(parcels, '/parcels/mine');
    assert.deepEqual(
      mine.map(({ id }: { id: number }) => id),
      [900, 901],
    );
    assert.deepEqual(await read(parcels, '/parcels/901'), mine[1]);
  });

  test('what lies below something else names it, in lists and alone', async () => {
    const { parcels: list, total } = await read(parcels, '/depots/7/parcels?limit=3&offset=2');
    assert.equal(total, 10);
    assert.equal(list.length, 3);
    for (const parcel of list) {
      assert.equal(parcel.depotId, 7);
      assert.equal(parcel.size.kind, 'Letter');
      assert.equal('secret' in parcel, false);
      assert.deepEqual(await read(parcels, `/parcels/${parcel.id}`), parcel);
    }
    const next = await read(parcels, '/depots/7/parcels?limit=1&offset=5');
    assert.ok(list.every(({ id }: { id: number }) => id !== next.parcels[0].id));
    assert.deepEqual((await read(parcels, '/depots/7/parcels?offset=10')).parcels, []);
  });

  test('a list in the query comes as one value for each item', async () => {
    const { parcels: list } = await read(parcels, '/depots/7/parcels?status=sent&status=packed');
    assert.ok(list.length > 0 && list.length < 10);
    assert.ok(list.every(({ status }: { status: string }) => status === 'sent'));
    await parcels.get('/depots/7/parcels?status=eaten').expect(400);
  });

  test('commands answer with what was sent, an answer without a body has none', async () => {
    const { body } = await parcels.post('/depots/7/parcels').send({ weight: 4.5, note: null }).expect(200);
    assert.deepEqual([body.depotId, body.weight, body.note], [7, 4.5, null]);
    await parcels.post('/depots/7/parcels').send({ weight: 0 }).expect(400);
    await parcels.delete('/parcels/3').expect(204, '');
    await parcels.post('/labels').type('form').send({ any: 'thing' }).expect(202, '');
  });

  test('patterns and formats are respected, and paths may have signs of their own', async () => {
    const tracking = await read(parcels, '/parcels/7:track');
    assert.match(tracking.where, /^[A-Z]{2}-[0-9]{4}$/);
    assert.ok(tracking.stops.length >= 2);
    assert.deepEqual(await read(parcels, '/parcels/7:track'), tracking);
    assert.notDeepEqual(await read(parcels, '/parcels/8:track'), tracking);
  });
});

describe('a document of OpenAPI 3.1', () => {
  const tickets = mockOf(fixture('tickets.json'));

  test('without examples things are made from their schema, the same each time', async () => {
    const { data, page } = await read(tickets, '/tickets?pageSize=5');
    assert.deepEqual(Object.keys(page).toSorted(), ['hasMore', 'nextCursor']);
    assert.equal(new Set(data.map(({ price }: { price: number }) => price)).size, 5);
    for (const ticket of data) assert.deepEqual(await read(tickets, `/tickets/${ticket.id}`), ticket);
    const again = await read(mockOf(fixture('tickets.json')), '/tickets?pageSize=5');
    assert.deepEqual(again.data, data);
  });

  test('any id that fits is answered, and one that does not is a 404', async () => {
    const id = 'dad4bce8-f5cb-4078-a211-995864315e39';
    assert.equal((await read(tickets, `/tickets/${id}`)).id, id);
    assert.deepEqual((await read(tickets, `/tickets?ids=${id}`)).data, [
      await read(tickets, `/tickets/${id}`),
    ]);
    await tickets.get('/tickets/7').expect(404);
  });

  test('cursors in an object of their own walk the list to its end', async () => {
    let [count, query] = [0, ''];
    for (let more = true; more; ) {
      const { data, page } = await read(tickets, `/tickets?pageSize=30&sort=-price${query}`);
      count += data.length;
      more = page.hasMore;
      assert.equal(page.nextCursor === null, !more);
      query = `&after=${page.nextCursor}`;
    }
    assert.equal(count, 50);
  });

  test('a body that may be left out may be left out', async () => {
    const path = '/tickets/dad4bce8-f5cb-4078-a211-995864315e39';
    assert.deepEqual((await tickets.patch(path).expect(200)).body, await read(tickets, path));
    assert.equal((await tickets.patch(path).send({ seat: '12C' }).expect(200)).body.seat, '12C');
    await tickets.patch(path).send({ price: 1 }).expect(400);
  });
});

test('a document whose schemas lie widely in each other is answered, not unfolded', async () => {
  const count = 40;
  const name = (number: number) => `#/components/schemas/S${number % count}`;
  const members = (number: number) =>
    Array.from({ length: count }, (_, index) => [`m${index}`, { $ref: name(number + index * 7) }]);
  const schemas = Array.from({ length: count }, (_, number) => [
    `S${number}`,
    { type: 'object', properties: Object.fromEntries(members(number)) },
  ]);
  const response = { content: { 'application/json': { schema: { $ref: name(0) } } } };
  const handlers = createMockHandlers(
    normaliseDocument({
      openapi: '3.1.0',
      paths: { '/a': { get: { operationId: 'get', responses: { 200: response } } } },
      components: { schemas: Object.fromEntries(schemas) },
    }),
  );
  const answer = handlers.get?.({ path: {}, query: {}, body: undefined });
  assert.ok(JSON.stringify(answer?.body).length < 10_000);
});
