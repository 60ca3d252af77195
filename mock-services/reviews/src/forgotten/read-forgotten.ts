import type { operations, paths } from '@portico/contracts/generated/customers.ts';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createDownstream } from '@portico/runtime/downstream.ts';
import { createRandomHex } from '@portico/runtime/random-hex.ts';
import type { ServiceParts } from '@portico/runtime/service-app.ts';
import { createCallMetrics } from '@portico/service-client/call-metrics.ts';
import { createServiceClient } from '@portico/service-client/service-client.ts';
import type { ReadForgotten } from './follow-customers.ts';

const callTimeoutMs = 5_000;
const limit = 1_000;

/** Asks the customers service who was forgotten: nobody waits for it but whoever forgets. */
export function createReadForgotten(
  baseUrl: string,
  { log, metrics, tracing }: Pick<ServiceParts<unknown>, 'log' | 'metrics' | 'tracing'>,
): { readonly readForgotten: ReadForgotten; close(): Promise<void> } {
  const options = {
    service: 'customers',
    baseUrl,
    document: loadOpenApi('customers'),
    timeoutMs: 2_000,
    tracing,
  };
  const client = createServiceClient<paths>(options, createCallMetrics(metrics));
  const closing = new AbortController();
  const [newTraceId, newSpanId] = [createRandomHex(16), createRandomHex(8)];
  const forNobody = () => ({
    context: {
      requestId: `forget-${newSpanId()}`,
      traceparent: `00-${newTraceId()}-${newSpanId()}-00`,
      deadline: Date.now() + callTimeoutMs,
      signal: closing.signal,
      log,
      downstream: createDownstream(),
      cache: { hits: 0, misses: 0 },
    },
  });
  return {
    readForgotten: async function* readForgotten() {
      for (let after: string | null | undefined; after !== null; ) {
        const query = after === undefined ? { limit } : { limit, after };
        const page: Page = await client.get('/forgotten-customers', { query }, forNobody());
        yield page.items.map(({ id }) => id);
        after = page.next;
      }
    },
    close: async () => {
      closing.abort();
      await client.destroy();
    },
  };
}

type Page = operations['listForgotten']['responses'][200]['content']['application/json'];
