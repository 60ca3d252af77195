import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createMockHandlers } from './create-mock-handlers.ts';
import { readDocument } from './read-document.ts';

const dir = mkdtempSync(join(tmpdir(), 'portico-mock-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const withPaths = (paths: object, components: object = {}) =>
  JSON.stringify({ openapi: '3.1.0', info: { title: 'T', version: '1' }, paths, components });
const answering = (schema: object) =>
  withPaths({
    '/a': { get: { responses: { 200: { description: '', content: { 'application/json': { schema } } } } } },
  });

for (const [what, text, reason] of [
  ['no YAML', 'openapi: 3.1.0\npaths: [', /^line 2, column \d+: /],
  ['an empty file', '', /^this is no OpenAPI document: expected an object, got null$/],
  ['a list', '[]', /no OpenAPI document|"openapi" must be/],
  ['Swagger', '{"swagger":"2.0","paths":{}}', /^this is Swagger 2\.0; expected OpenAPI 3\.0 or 3\.1/],
  ['another version', 'openapi: 4.0.0', /^"openapi" must be 3\.0 or 3\.1, got "4\.0\.0"$/],
  ['no paths', 'openapi: 3.1.0\nwebhooks: {}', /nothing to play/],
  ['a path without /', withPaths({ a: {} }), /^the path "a" must begin with \/$/],
  ['a path that is nothing', withPaths({ '/a': null }), /^the path "\/a" must be an object, got null$/],
  [
    'a reference to nothing',
    answering({ $ref: '#/components/schemas/Pet' }),
    /^the reference at #\/paths\/~1a\/get\/.+ leads nowhere: "#\/components\/schemas\/Pet"$/,
  ],
  [
    'a reference to a file',
    answering({ $ref: 'pet.yaml#/Pet' }),
    /leads out of the file, to "pet\.yaml#\/Pet": bundle/,
  ],
  ['a reference to itself', withPaths({ '/a': { $ref: '#/paths/~1a' } }), /leads nowhere/],
  [
    'a bad pattern',
    answering({ type: 'string', pattern: '[' }),
    /^the pattern at .+ is no regular expression: "\["$/,
  ],
  [
    'an operation twice',
    withPaths({ '/a': { get: { operationId: 'x' }, put: { operationId: 'x' } } }),
    /^the operationId "x" is there twice$/,
  ],
  [
    'an undeclared parameter',
    withPaths({ '/a/{id}': { get: { operationId: 'x' } } }),
    /^x: the path parameter "id" of \/a\/\{id\} is not declared$/,
  ],
] as const) {
  test(`${what} is refused in one line that says why`, () => {
    const file = join(dir, 'document.yaml');
    writeFileSync(file, text);
    assert.throws(
      () => readDocument(file),
      ({ name, message }: Error) => {
        assert.equal(name, 'DocumentError');
        assert.ok(message.startsWith(`${file}: `) && !message.includes('\n'), message);
        assert.match(message.slice(file.length + 2), reason);
        return true;
      },
    );
  });
}

test('a file that is not there is refused by name', () => {
  assert.throws(() => readDocument('/nowhere/a.yaml'), { message: '/nowhere/a.yaml: there is no such file' });
});

test('a schema that requires itself without end is refused by name', () => {
  const file = join(dir, 'endless.json');
  const Node = {
    type: 'object',
    required: ['next'],
    properties: { next: { $ref: '#/components/schemas/Node' } },
  };
  const response = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Node' } } } };
  const paths = { '/a': { get: { operationId: 'getNode', responses: { 200: response } } } };
  writeFileSync(file, withPaths(paths, { schemas: { Node } }));
  assert.throws(() => createMockHandlers(readDocument(file)), {
    name: 'DocumentError',
    message: 'getNode: no data can be made: Node requires itself without end',
  });
});
