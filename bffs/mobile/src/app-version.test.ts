import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Problem } from '@portico/runtime/problems.ts';
import { isBelow } from './app-version.ts';

describe('A version of the app', () => {
  it('is too old when it comes before the minimum', () => {
    for (const version of ['0', '1', '1.9', '1.9.99', '1.10.0', '1.10.2', '1.10.3-rc.1', '1.10.3-0+build']) {
      assert.ok(isBelow(version, '1.10.3'), version);
    }
  });

  it('is new enough from the minimum on, number by number and not as text', () => {
    for (const version of ['1.10.3', '1.10.3+build.7', '1.10.4-rc.1', '1.11', '2', '10.0.0', '1.100.0']) {
      assert.ok(!isBelow(version, '1.10.3'), version);
    }
  });

  it('is refused when it is none', () => {
    const notVersions = [
      '',
      'v1.0.0',
      '1.',
      '1.0.0.0',
      '-1',
      '1.0.0-',
      '1,0',
      '1.0.0, 2.0.0',
      '1e3',
      `1.${'0'.repeat(10_000)}`,
    ];
    for (const version of notVersions) {
      assert.throws(
        () => isBelow(version, '1.0.0'),
        (error) => error instanceof Problem && error.problem === 'invalid-request',
        version,
      );
    }
  });
});
