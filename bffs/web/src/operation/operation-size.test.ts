import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'graphql';
import { createWebSchema } from '../schema.ts';
import { measureOperation } from './operation-size.ts';

const schema = createWebSchema();
const sizeOf = (document: string, variables = {}) => measureOperation(parse(document), schema, variables);

test('an operation is as deep as its deepest field, through fragments of both kinds', () => {
  assert.equal(sizeOf('{ me { id } }').depth, 2);
  assert.equal(sizeOf('{ product(sku: "p1") { ... on Product { price { amount } } } me { id } }').depth, 3);
  assert.equal(
    sizeOf('{ me { ...A } } fragment A on Customer { ...B } fragment B on Customer { id }').depth,
    2,
  );
});

test('a list costs what is below it as often as "first" says, by value, variable or default', () => {
  const page = (first: string) => `{ products${first} { edges { node { sku } } } }`;
  // The field, a call of its own, and three fields for each product.
  assert.equal(sizeOf(page('(first: 7)')).cost, 1 + 100 + 7 * 3);
  assert.equal(sizeOf(page('')).cost, 1 + 100 + 20 * 3);
  const withVariable = `query ($n: Int = 5) ${page('(first: $n)')}`;
  assert.equal(sizeOf(withVariable).cost, 1 + 100 + 5 * 3);
  assert.equal(sizeOf(withVariable, { n: 9 }).cost, 1 + 100 + 9 * 3);
  assert.equal(sizeOf(withVariable, { n: null }).cost, 1 + 100 + 100 * 3);
});

test('a list costs at most what the longest one costs that anyone gets, and at least one item', () => {
  const cost = (first: string) => sizeOf(`{ products(first: ${first}) { edges { cursor } } }`).cost;
  assert.equal(cost('1000000000'), cost('100'));
  assert.equal(cost('-5'), cost('1'));
});

test('lists within lists multiply', () => {
  const { cost } = sizeOf(
    '{ products(first: 10) { edges { node { reviews(first: 20) { edges { cursor } } } } } }',
  );
  assert.equal(cost, 1 + 100 + 10 * (1 + 1 + 1 + 20 * 2));
});

test('a list without "first" counts as twenty items', () => {
  assert.equal(sizeOf('{ categories { slug } }').cost, 1 + 20);
});

test('going on in the reviews of a product costs the call that it takes', () => {
  const { cost } = sizeOf('{ product(sku: "p1") { reviews(first: 1, after: "x") { edges { cursor } } } }');
  assert.equal(cost, 1 + 1 + 100 + 2);
});

test('fields that are repeated are counted each time, as validation looks at each pair of them', () => {
  assert.equal(sizeOf(`{ ${'me { id } '.repeat(30)} }`).cost, 60);
});

test('fragments that double each other are measured once each, and cost what they would', () => {
  const doubling = Array.from(
    { length: 60 },
    (_, level) => `fragment F${level} on Product { ...F${level + 1} ...F${level + 1} }`,
  );
  const size = sizeOf(
    `{ product(sku: "p1") { ...F0 } } ${doubling.join(' ')} fragment F60 on Product { sku }`,
  );
  assert.equal(size.cost, 1 + 2 ** 60);
  assert.equal(size.depth, 2);
});

test('a fragment that spreads itself is endless, wherever the circle is entered', () => {
  const circle = 'fragment A on Product { sku ...B } fragment B on Product { ...A }';
  assert.equal(sizeOf(`{ product(sku: "p1") { ...A } } ${circle}`).depth, Infinity);
  assert.equal(sizeOf(`{ product(sku: "p1") { sku } } ${circle}`).depth, Infinity);
});

test('aliases and directives are counted as they are written', () => {
  const size = sizeOf('{ a: me { ...F } b: me @skip(if: true) { ...F } } fragment F on Customer { c: id }');
  assert.equal(size.aliases, 3);
  assert.equal(size.directives, 1);
});

test('of several operations, and of what no operation uses, the largest counts', () => {
  const size = sizeOf(
    'query A { me { id } } query B { a: me { id } b: me { id } } fragment C on Product { price { amount } }',
  );
  assert.equal(size.rootFields, 2);
});

test('what the schema does not have is measured without it', () => {
  const size = sizeOf('{ nothing(first: 100) { here { at { all } } } ...Gone ... on Nowhere { x } }');
  assert.equal(size.depth, 4);
  assert.equal(size.cost, 5);
});
