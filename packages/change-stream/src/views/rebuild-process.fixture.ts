/** A process that rebuilds the counting view in Redis from 100 records, and kills itself half-way when it is told so. */
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { Redis } from 'ioredis';
import { countingContext, countingView, recordOf } from './counting-view.fixture.ts';
import { rebuildView } from './rebuild-view.ts';
import { createRedisViewStore } from './redis-view-store.ts';

const [url = '', ending] = process.argv.slice(2);
const redis = new Redis(url);
const hub = createMemoryLog()();
const { epoch } = await hub.range();
const { signal } = new AbortController();
const writer = await hub.writer('orders', signal);
const records = Array.from({ length: 100 }, (_, index) => recordOf(index + 1, index % 2 === 0 ? 'a' : 'b'));
await writer.append(records.map(({ number: _, ...record }) => record));
const all = await hub.read({ epoch, number: 0 }, 100);

await rebuildView({
  view: countingView,
  store: createRedisViewStore({ redis, view: countingView }),
  hub,
  context: countingContext,
  history: {
    open: async () => ({
      first: 1,
      last: 100,
      pages: async function* () {
        yield all.slice(0, 50);
        if (ending === 'killed') process.kill(process.pid, 'SIGKILL');
        yield all.slice(50);
      },
    }),
  },
  signal,
});
redis.disconnect();
