import { createDownstream } from '@portico/runtime/downstream.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';

/** The context of a request that has all the time it wants, for tests below the front door. */
export function createTestContext(overrides: Partial<RequestContext> = {}): RequestContext {
  return {
    requestId: 'test-request',
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    deadline: Number.MAX_SAFE_INTEGER,
    signal: new AbortController().signal,
    log: silentLogger,
    downstream: createDownstream(),
    cache: { hits: 0, misses: 0 },
    ...overrides,
  };
}
