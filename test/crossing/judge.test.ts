import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ask, Somebody } from './asks.fixture.ts';
import { type Answered, createJudge } from './judge.fixture.ts';
import { customers } from './marks.fixture.ts';

const [ada, grace] = customers;
const me: Ask = { name: 'me', path: '/api/v1/me', to: 'customers', isOwn: true, has: ({ id }) => id };
const nobody: Somebody = {
  customer: undefined,
  fields: {},
  hasSession: false,
  hasOrders: false,
  end: 'none',
};
const as = (customer: typeof ada): Somebody => ({ ...nobody, customer, hasOrders: true });
const toMe = ({ id }: typeof ada, etag: string, more: Partial<Answered> = {}): Answered => ({
  status: 200,
  fields: { 'cache-control': 'private, no-store', etag },
  text: JSON.stringify({ id }),
  tags: [],
  isHead: false,
  ...more,
});

test('what is planted of somebody else is found wherever it stands', () => {
  const { judge } = createJudge(['eyJhbGciOi']);
  assert.deepEqual(judge(me, as(ada), false, toMe(ada, 'a'), ''), ['own']);
  assert.deepEqual(judge(me, as(grace), false, toMe(grace, 'g'), ''), ['own']);
  const { fields } = toMe(ada, 'a');
  const cursor = Buffer.from(`orders:${grace.orders[0]}`).toString('base64url');
  const planted: Record<string, [Ask, Somebody, Answered]> = {
    'an answer to another one': [me, as(ada), toMe(grace, 'new')],
    'an answer to nobody': [{ name: 'home', path: '/api/v1/home' }, nobody, toMe(grace, 'new')],
    'a name in a field': [me, as(ada), toMe(ada, 'a', { fields: { ...fields, link: grace.name } })],
    'an order in base64': [me, as(ada), toMe(ada, 'a', { text: JSON.stringify({ id: ada.id, cursor }) })],
    'an order below public reviews': [
      { ...me, namesAuthors: true },
      as(ada),
      toMe(ada, 'a', { text: String(grace.orders[1]) }),
    ],
    'the tag of another one': [me, as(ada), toMe(ada, 'g')],
    'another one has it unchanged': [me, as(ada), toMe(ada, 'g', { status: 304, text: '', tags: ['g'] })],
    'unchanged, with a tag that nobody sent': [
      me,
      as(ada),
      toMe(ada, 'a', { status: 304, text: '', tags: ['g'] }),
    ],
    'what anybody may keep': [
      me,
      as(ada),
      toMe(ada, 'a', { fields: { etag: 'a', 'cache-control': 'public' } }),
    ],
    'nothing of its own': [me, as(ada), toMe(ada, 'a', { text: '{}' })],
    'an order that is not theirs': [{ ...me, of: grace }, as(ada), toMe(ada, 'a')],
    'a token': [me, as(ada), toMe(ada, 'a', { text: JSON.stringify({ id: ada.id, token: 'eyJhbGciOiJ' }) })],
    'a part of a batch': [
      { name: 'batch', path: '/api/v1/batch', parts: [me] },
      as(ada),
      toMe(ada, 'a', {
        text: JSON.stringify({ responses: [{ status: 200, headers: {}, body: { id: grace.id } }] }),
      }),
    ],
  };
  for (const [name, [ask, who, answered]] of Object.entries(planted)) {
    assert.throws(() => judge(ask, who, false, answered, ''), assert.AssertionError, name);
  }
  assert.throws(
    () => judge(me, { ...as(ada), end: 'over' }, true, toMe(ada, 'a'), ''),
    assert.AssertionError,
  );
});
