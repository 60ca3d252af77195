import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureGatewayCpu } from './gateway-cpu.ts';

test('every proxy answers the load, and costs something beside the first', async (t) => {
  const ending = new AsyncDisposableStack();
  t.after(() => ending.disposeAsync());
  const size = {
    warmUpRequests: 50,
    rounds: 1,
    requestsPerRound: 200,
    connections: 4,
  };
  const costs = await measureGatewayCpu(size, ending);
  assert.equal(costs[0]?.ratio, 1);
  for (const { name, cpuUs, ratio } of costs) {
    assert.ok(cpuUs > 1 && ratio > 0 && Number.isFinite(ratio), `${name}: ${cpuUs} µs, ratio ${ratio}`);
  }
});
