import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorCodes } from '@portico/bff-web/errors/error-codes.ts';
import { problemTypes } from '@portico/runtime/problems.ts';

const page = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

test('docs/problems.md lists every problem with its status, and no other', () => {
  const listed = [...page('docs/problems.md').matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(
    ([, name, status]) => [name, Number(status)],
  );
  assert.deepEqual(
    listed,
    Object.entries(problemTypes).map(([name, { status }]) => [name, status]),
  );
});

test('docs/problems.md lists every code of a GraphQL error, and no other', () => {
  const listed = [...page('docs/problems.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(listed, [...errorCodes]);
});

test('every file that the documents link to exists', () => {
  for (const name of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']) {
    for (const [, target] of page(name).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.doesNotThrow(
        () => readFileSync(new URL(`../${target}`, import.meta.url)),
        `${name} links to ${target}`,
      );
    }
  }
});
