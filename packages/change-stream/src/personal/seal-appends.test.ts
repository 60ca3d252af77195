import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import { everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import { eventSource, eventSources } from '@portico/contracts/events/event-sources.ts';
import { recordAt } from '../hub/event-hub.contract.ts';
import type { HubRecord, NewRecord, SourceWriter } from '../hub/event-hub.ts';
import { openRecords } from './open-records.ts';
import type { PersonalKeys } from './personal-keys.ts';
import { sealAppends } from './seal-appends.ts';
import { type PersonalKey, toPersonalKey, withheld } from './sealed-field.ts';

const mark = 'Ada of Marylebone';
/** What happened, in order. */
let steps: string[];
let appended: NewRecord[];
let failing: 'forget' | 'append' | 'keys' | undefined;
let keys: Map<string, PersonalKey>;
let gone: Set<string>;

const fail = (step: typeof failing) => {
  if (failing === step) throw new Error(`no ${step}`);
};
const writer: SourceWriter = {
  stored: undefined,
  append: async (records) => {
    fail('append');
    steps.push('append');
    appended.push(...records);
  },
  release: async () => {},
};
const personalKeys: PersonalKeys = {
  ready: async () => {},
  keysOf: async (customers) => {
    fail('keys');
    const found = new Map<string, PersonalKey>();
    for (const customer of customers) {
      if (gone.has(customer)) continue;
      const made = toPersonalKey(randomBytes(16).toString('base64url'), randomBytes(32));
      const key = keys.get(customer) ?? made;
      keys.set(customer, key);
      found.set(customer, key);
    }
    return found;
  },
  find: async (ids) => {
    const wanted = new Set(ids);
    return new Map([...keys.values()].filter(({ id }) => wanted.has(id)).map((key) => [key.id, key]));
  },
  forget: async (customers) => {
    fail('forget');
    for (const customer of customers) {
      steps.push(`forget ${customer}`);
      keys.delete(customer);
      gone.add(customer);
    }
  },
  close: async () => {},
};

beforeEach(() => {
  steps = [];
  appended = [];
  failing = undefined;
  keys = new Map();
  gone = new Set();
});

const person = (id: string, more = {}) => ({ id, displayName: `${mark} ${id}`, ...more });
const changed = (before: object | null, after: object | null, at = 1): NewRecord => {
  const { id: key } = (after ?? before) as { id: string };
  return recordAt('customers', at, {
    events: [{ id: `e${at}`, type: 'customer-changed', key, data: { before, after } }],
  });
};
const review = (customerId: string, body: string, at = 1): NewRecord => {
  const after = {
    id: 'r1',
    productId: 'p1',
    customerId,
    stars: 4,
    body,
    createdAt: '2024-12-07T14:21:41.477Z',
  };
  return recordAt('reviews', at, {
    events: [{ id: `e${at}`, type: 'review-changed', key: 'r1', data: { before: null, after } }],
  });
};
const sealing = (name: string, forgotten: readonly string[] = []) =>
  sealAppends(writer, {
    source: eventSource(name),
    keys: personalKeys,
    forgotten: async function* () {
      if (forgotten.length > 0) yield forgotten;
    },
  });
const open = (records: readonly NewRecord[]) =>
  openRecords(records as readonly HubRecord[], eventSources, personalKeys);
const textOf = (records: readonly NewRecord[]) => JSON.stringify(records);
const after = (records: readonly NewRecord[]) => records[0]?.events[0]?.data.after as Record<string, unknown>;

describe('What is appended', () => {
  it('has nothing personal in it, is an event of its source, and opens with the keys', async () => {
    const records = [
      changed(person('c1'), person('c1', { displayName: `${mark}!` })),
      changed(null, person('c2'), 2),
    ];
    await (await sealing('customers')).append(records);
    assert.ok(!textOf(appended).includes('Marylebone'));
    const [event] = appended[0]?.events ?? [];
    assert.equal(eventSource('customers').problemOf(event), undefined);
    assert.deepEqual(after(appended).id, 'c1');
    assert.deepEqual(await open(appended), records);
  });

  it('is the same whenever it is appended', async () => {
    const customers = await sealing('customers');
    await customers.append([changed(null, person('c1'))]);
    await customers.append([changed(null, person('c1'))]);
    assert.deepEqual(appended[0], appended[1]);
  });

  it('has the body of a review under the key of who wrote it', async () => {
    await (await sealing('reviews')).append([review('c1', mark)]);
    assert.equal(after(appended).stars, 4);
    await personalKeys.forget(['c2']);
    assert.equal(after(await open(appended)).body, mark);
    await personalKeys.forget(['c1']);
    assert.equal(after(await open(appended)).body, null);
  });

  it('can not be read where it was put elsewhere or changed', async () => {
    await (await sealing('reviews')).append([review('c1', mark), review('c1', 'Other.', 2)]);
    const [one, other] = structuredClone(appended) as [NewRecord, NewRecord];
    const body = after([other]).body;
    for (const wrong of [body, mark, withheld, 7, null, `${after([one]).body}`.slice(0, -4)]) {
      Object.assign(after([one]), { body: wrong });
      assert.equal(after(await open([one])).body, null);
    }
    const ofAnother = structuredClone(appended[0]) as NewRecord;
    Object.assign(after([ofAnother]), { customerId: 'c9' });
    assert.equal(after(await open([ofAnother])).body, null);
  });

  it('of a source without anything personal is what came', async () => {
    const catalog = await sealAppends(writer, { source: eventSource('catalog'), keys: undefined });
    assert.equal(catalog, writer);
  });

  it('is withheld where there are no keys', async () => {
    const customers = await sealAppends(writer, { source: eventSource('customers'), keys: undefined });
    await customers.append([changed(null, person('c1'))]);
    assert.equal(after(appended).displayName, withheld);
    assert.equal(after(await open(appended)).displayName, null);
  });

  it('is nothing when keys can not be had', async () => {
    const customers = await sealing('customers');
    failing = 'keys';
    await assert.rejects(customers.append([changed(null, person('c1'))]), /no keys/);
    assert.deepEqual(appended, []);
  });
});

describe('Who is forgotten', () => {
  const forgotten = person('c1', { displayName: '', forgottenAt: '2024-12-07T14:21:41.477Z' });

  it('has no key any more before it is appended', async () => {
    const customers = await sealing('customers');
    await customers.append([changed(null, person('c1')), changed(null, person('c2'), 2)]);
    steps = [];
    await customers.append([changed(person('c1'), forgotten, 3)]);
    assert.deepEqual(steps, ['forget c1', 'append']);
    const names = (await open(appended)).map((record) => after([record]).displayName);
    assert.deepEqual(names, [null, `${mark} c2`, null]);
  });

  it('is so by the end of their row, too', async () => {
    await (await sealing('customers')).append([changed(person('c1'), null)]);
    assert.deepEqual(steps, ['forget c1', 'append']);
  });

  it('is forgotten again when the append failed and comes again', async () => {
    const customers = await sealing('customers');
    failing = 'append';
    await assert.rejects(customers.append([changed(person('c1'), forgotten)]), /no append/);
    assert.deepEqual(steps, ['forget c1']);
    failing = undefined;
    await customers.append([changed(person('c1'), forgotten)]);
    assert.deepEqual(steps, ['forget c1', 'forget c1', 'append']);
  });

  it('is not told as forgotten while the key can not be destroyed', async () => {
    const customers = await sealing('customers');
    failing = 'forget';
    await assert.rejects(customers.append([changed(person('c1'), forgotten)]), /no forget/);
    assert.deepEqual(appended, []);
  });

  it('gets no other key by what comes later', async () => {
    await (await sealing('customers')).append([changed(person('c1'), forgotten)]);
    await (await sealing('reviews')).append([review('c1', mark)]);
    assert.equal(after(appended.slice(1)).body, withheld);
    assert.equal(keys.size, 0);
  });

  it('loses a key that an older copy of the keys has brought back, and when nobody says who is gone', async () => {
    await personalKeys.keysOf(['c1']);
    const customers = await sealing('customers', ['c1']);
    assert.deepEqual(steps, ['forget c1']);
    const event = { ...everythingChangedEvent('too-large'), id: 'e1' };
    await customers.append([recordAt('customers', 1, { events: [event] })]);
    assert.deepEqual(steps, ['forget c1', 'forget c1', 'append']);
  });
});
