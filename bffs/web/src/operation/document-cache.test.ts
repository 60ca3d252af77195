import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'graphql';
import { createDocumentCache } from './document-cache.ts';

const document = parse('{ me { id } }');

test('a document that was kept is found, another one is not', () => {
  const cache = createDocumentCache(100);
  cache.set('a', document);
  assert.equal(cache.get('a'), document);
  assert.equal(cache.get('b'), undefined);
});

test('the documents that were not used for the longest time make room for new ones', () => {
  const cache = createDocumentCache(100);
  const texts = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(10));
  for (const text of texts) cache.set(text, document);
  cache.get('0000000000');
  cache.set('new', document);
  assert.equal(cache.get('0000000000'), document);
  assert.equal(cache.get('1111111111'), undefined);
  assert.equal(cache.get('2222222222'), document);
  assert.equal(cache.get('new'), document);
});

test('keeping a document again takes no more room', () => {
  const cache = createDocumentCache(100);
  cache.set('other', document);
  for (let round = 0; round < 100; round += 1) cache.set('0123456789', document);
  assert.equal(cache.get('other'), document);
});

test('a document that would drive out most others is not kept', () => {
  const cache = createDocumentCache(100);
  cache.set('01234567890', document);
  assert.equal(cache.get('01234567890'), undefined);
});
