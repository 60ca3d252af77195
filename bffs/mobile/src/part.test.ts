import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeadlineExceeded } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import { degradedBy, type Part, partFrom } from './part.ts';

describe('A part of a screen', () => {
  it('is what its service gave', async () => {
    assert.deepEqual(await partFrom('reviews', Promise.resolve(null)), { ok: true, value: null });
  });

  it('is missing when its service failed, or did not come in the time of the request', async () => {
    for (const error of [new ServiceError('reviews', 'reset', 'broke'), new DeadlineExceeded('over')]) {
      assert.deepEqual(await partFrom('reviews', Promise.reject(error)), { ok: false, from: 'reviews' });
    }
  });

  it('hides no mistake of ours', async () => {
    await assert.rejects(partFrom('reviews', Promise.reject(new TypeError('ours'))), { message: 'ours' });
  });
});

describe('degraded', () => {
  const failed = (from: 'reviews' | 'inventory'): Part<unknown> => ({ ok: false, from });

  it('names each failed service once, always in the same order', () => {
    const parts = [failed('reviews'), failed('inventory'), failed('reviews')];
    assert.deepEqual(degradedBy(parts), { degraded: ['inventory', 'reviews'] });
  });

  it('is not there when nothing failed', () => {
    assert.deepEqual(degradedBy([{ ok: true, value: null }]), {});
  });
});
