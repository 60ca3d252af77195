import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namesTag, toEntityTag } from './entity-tag.ts';

describe('An entity tag', () => {
  it('is weak, the same for the same body and another for another', () => {
    assert.match(toEntityTag('{}'), /^W\/"[\w-]{27}"$/);
    assert.equal(toEntityTag('{}'), toEntityTag('{}'));
    assert.notEqual(toEntityTag('{}'), toEntityTag('{ }'));
  });
});

describe('If-None-Match', () => {
  const named = (field: string | undefined) => namesTag(field, 'W/"tag"');

  it('names a tag alone, in a list, weak or strong', () => {
    for (const field of ['W/"tag"', '"tag"', '"a", W/"tag"', '"a","tag","b"', ' "tag" ', '"a",\t"tag"']) {
      assert.ok(named(field), field);
    }
  });

  it('names everything with a star', () => {
    assert.ok(named('*'));
  });

  it('names nothing else', () => {
    for (const field of [
      undefined,
      '',
      '"a"',
      'tag',
      '"tag',
      'w/"tag"',
      'W/"tag"x',
      '"tag" "tag"',
      '"*"',
      ',,',
    ]) {
      assert.ok(!named(field), field);
    }
  });
});
