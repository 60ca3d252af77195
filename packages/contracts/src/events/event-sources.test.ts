import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { composeAsyncApi } from './async-api.ts';
import { everythingChanged, type Row } from './change-event.ts';
import { toCloudEvent } from './cloud-event.ts';
import { eventSource, eventSources } from './event-sources.ts';

/** A row of each published table, with a column that is nobody's business. */
const rows: Readonly<Record<string, Row>> = {
  products: {
    id: 'p1',
    name: 'Kettle',
    description: 'Pours.',
    category_id: 'coffee',
    price_amount: 6500,
    price_currency: 'EUR',
    featured_rank: 7,
    created_at: '2024-01-25 09:20:51.65+00',
    rating_average: 433,
    rating_count: 3,
    supplier_price: 3100,
  },
  categories: { id: 'coffee', name: 'Coffee', position: 1, note: 'secret' },
  stock: { product_id: 'p1', quantity: 3, reserved: 1, shelf: 'A7' },
  reviews: {
    id: 'r1',
    product_id: 'p1',
    customer_id: 'c1',
    stars: 4,
    body: 'Good.',
    created_at: '2024-12-07T14:21:41.477Z',
    address: '127.0.0.1',
  },
  customers: { id: 'c1', display_name: 'Ada L.', email: 'ada@example.org' },
  order_events: {
    order_number: 'o1',
    version: 1,
    customer_id: 'c1',
    type: 'order-placed',
    at: '2024-12-07T14:21:41.477Z',
    data: '{"total":{"amount":9980,"currency":"EUR"}}',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    schema_version: 2,
  },
  payments: { order_number: 'o1', status: 'authorised', amount: 9980, account: 'customer:c1' },
  shipments: { order_number: 'o1', status: 'scheduled', leaves_at: '2024-12-07T14:21:41.477Z' },
};
const row = (table: string): Row => rows[table] ?? {};

const tagsAfter = (source: string, table: string, before: Row | null, after: Row | null) => {
  const { toEvents, tagsOf } = eventSource(source);
  return toEvents({ table, before, after }).flatMap(tagsOf).sort();
};
const productChange = (change: Row) =>
  tagsAfter('catalog', 'products', row('products'), { ...row('products'), ...change });

describe('The events of a service', () => {
  for (const { source, tables, toEvents, tagsOf, problemOf } of eventSources) {
    for (const table of tables) {
      it(`of ${source} say of a row of ${table} what is public, fit their schema and touch something`, () => {
        const key = Object.keys(row(table))[0] as string;
        for (const [before, after] of [
          [null, row(table)],
          [row(table), null],
          [row(table), { ...row(table), [key]: 'x9' }],
        ] as const) {
          const events = toEvents({ table, before, after });
          assert.equal(events.length, before !== null && after !== null ? 2 : 1);
          for (const event of events) {
            assert.equal(problemOf(event), undefined);
            assert.ok(tagsOf(event).length > 0);
            assert.doesNotMatch(JSON.stringify(event), /supplier|3100|secret|A7|127\.0|ada@/);
          }
        }
      });

      it(`of ${source} can't be told from a row of ${table} that lacks a public column or has another type in it`, () => {
        const [event] = toEvents({ table, before: null, after: row(table) });
        const whole = JSON.stringify(event);
        for (const column of Object.keys(row(table))) {
          const { [column]: _, ...rest } = row(table);
          const isPublic = !/supplier_price|note|shelf|address|email|account|leaves_at/.test(column);
          const attempt = (after: Row) => () => toEvents({ table, before: null, after });
          if (!isPublic) {
            assert.equal(JSON.stringify(attempt(rest)()[0]), whole);
            continue;
          }
          assert.throws(attempt(rest), TypeError, column);
          for (const wrong of [
            null,
            true,
            Number.NaN,
            ...(['created_at', 'at'].includes(column) ? ['soon', '2024-01-25 09:20:51'] : []),
          ])
            assert.throws(attempt({ ...rest, [column]: wrong }), TypeError, column);
        }
      });
    }

    it(`of ${source} are none when nothing public changed`, () => {
      for (const table of tables) {
        const after = { ...row(table), more: 'x' };
        assert.deepEqual(toEvents({ table, before: row(table), after }), []);
      }
    });
  }

  it('are refused for a table that is not published and for a change without a row', () => {
    const { toEvents } = eventSource('reviews');
    assert.throws(() => toEvents({ table: 'idempotency_keys', before: null, after: {} }), TypeError);
    assert.throws(() => toEvents({ table: 'reviews', before: null, after: null }), TypeError);
  });

  it('have a key that is the id of what they speak of, and speak of something', () => {
    const { toEvents, problemOf, tagsOf } = eventSource('inventory');
    const [event] = toEvents({ table: 'stock', before: null, after: row('stock') });
    assert.ok(event !== undefined);
    for (const wrong of [
      { ...event, key: 'p2' },
      { ...event, type: 'stock-forgotten' },
      { ...event, data: { before: null, after: null } },
      { ...event, data: { before: null, after: { productId: 'p1', quantity: 3 } } },
    ]) {
      assert.notEqual(problemOf(wrong), undefined);
      assert.throws(() => tagsOf(wrong), TypeError);
    }
    for (const nothing of [undefined, null, 7, {}, []]) assert.notEqual(problemOf(nothing), undefined);
  });

  it('may have members that a reader does not know yet', () => {
    const { toEvents, tagsOf } = eventSource('inventory');
    const [event] = toEvents({ table: 'stock', before: null, after: row('stock') });
    const later = {
      ...event,
      data: { before: null, after: { ...(event?.data.after as object), on: 'order' } },
    };
    assert.deepEqual(tagsOf(later as never), ['stock:p1']);
  });

  it('touch all answers of the service when everything may have changed', () => {
    const event = { type: everythingChanged, key: '', data: { before: null, after: null } };
    for (const { source, tagsOf, problemOf } of eventSources) {
      assert.deepEqual(tagsOf(event), [`source:${source}`]);
      assert.equal(problemOf(event), undefined);
    }
  });
});

describe('What is personal', () => {
  it('is text of a customer whom the same thing names', () => {
    const personal = eventSources.flatMap(({ source, declarations, personalOf }) =>
      declarations.flatMap(({ table, type }) => {
        const fields = personalOf?.(type);
        if (fields === undefined) return [];
        const [event] = eventSource(source).toEvents({ table, before: null, after: row(table) });
        const thing = event?.data.after as Record<string, unknown>;
        for (const member of [fields.of, ...fields.members]) assert.equal(typeof thing[member], 'string');
        return [`${type} ${fields.members} of ${thing[fields.of]}`];
      }),
    );
    assert.deepEqual(personal, ['review-changed body of c1', 'customer-changed displayName of c1']);
  });

  it('is whose row says so, and of nobody else, forgotten', () => {
    const { toEvents, persons, tagsOf } = eventSource('customers');
    const forgotten = { ...row('customers'), display_name: '', forgotten_at: '2024-12-07 14:21:41.477+00' };
    const [event] = toEvents({ table: 'customers', before: row('customers'), after: forgotten });
    assert.ok(event !== undefined);
    assert.deepEqual(event.data.after, {
      id: 'c1',
      displayName: '',
      forgottenAt: '2024-12-07T14:21:41.477Z',
    });
    assert.equal(persons?.isForgotten(event.data.after), true);
    assert.equal(persons?.isForgotten(event.data.before), false);
    assert.deepEqual(tagsOf(event), ['customer:c1', 'forgotten-customers']);
    for (const none of [{ forgotten_at: null }, {}]) {
      const there = { ...row('customers'), display_name: 'Ada M.', ...none };
      const [renamed] = toEvents({ table: 'customers', before: row('customers'), after: there });
      assert.equal(persons?.isForgotten(renamed?.data.after), false);
    }
  });
});

describe('The tags of a product', () => {
  const orders = ['featured', 'newest', 'price', 'rating', 'search'];
  const lists = (category: string) => orders.map((order) => `products:${order}:${category}`);

  it('are every list that it comes into or leaves', () => {
    const all = ['product:p1', ...orders.map((order) => `products:${order}`), ...lists('coffee')];
    assert.deepEqual(tagsAfter('catalog', 'products', null, row('products')), all.sort());
    assert.deepEqual(tagsAfter('catalog', 'products', row('products'), null), all.sort());
  });

  it('are the lists by price, and no others, when its price changes', () => {
    assert.deepEqual(productChange({ price_amount: 1 }), [
      'product:p1',
      'products:price',
      'products:price:coffee',
    ]);
  });

  it('are the lists of both categories when it moves', () => {
    const expected = ['product:p1', ...lists('coffee'), ...lists('garden')];
    assert.deepEqual(productChange({ category_id: 'garden' }), expected.sort());
  });

  it('are what is searched for, and no list, when its words change', () => {
    const expected = ['product:p1', 'products:search', 'products:search:coffee'];
    for (const change of [{ name: 'Pot' }, { description: 'Boils.' }])
      assert.deepEqual(productChange(change), expected);
  });

  it('are the lists by rating alone when its rating changes, as nobody is shown it by the catalog', () => {
    for (const change of [{ rating_average: 434 }, { rating_count: 4 }])
      assert.deepEqual(productChange(change), ['products:rating', 'products:rating:coffee']);
  });
});

describe('A change as a CloudEvent', () => {
  it('has the attributes of CloudEvents 1.0', () => {
    const [event] = eventSource('inventory').toEvents({ table: 'stock', before: null, after: row('stock') });
    assert.ok(event !== undefined);
    assert.deepEqual(toCloudEvent({ source: 'inventory', committedAt: 0 }, { ...event, id: 'e1' }), {
      specversion: '1.0',
      id: 'e1',
      source: 'urn:portico:service:inventory',
      type: 'dev.portico.inventory.stock-changed',
      subject: 'p1',
      time: '1970-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      dataschema: 'urn:portico:events:inventory:stock-changed:1',
      data: { before: null, after: { productId: 'p1', quantity: 3, reserved: 1 } },
    });
  });
});

describe('The AsyncAPI document', () => {
  it('is what the declarations come to; "npm run write-async-api -w packages/contracts" writes it', () => {
    const written = parse(readFileSync(new URL('../../asyncapi.yaml', import.meta.url), 'utf8'));
    assert.deepEqual(written, JSON.parse(JSON.stringify(composeAsyncApi(eventSources))));
  });
});
