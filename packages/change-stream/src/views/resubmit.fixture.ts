/** A process that resubmits all faults of a view in Redis, one after the other, for the test that kills it. */
import { silentLogger } from '@portico/runtime/log.ts';
import { Redis } from 'ioredis';
import { type Listing, listingView } from './listing-view.fixture.ts';
import { createRedisViewStore } from './redis-view-store.ts';
import { createViewFaults } from './view-faults.ts';

const [url = '', version] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

const redis = new Redis(url);
const store = createRedisViewStore<Listing>({ redis, view: { name: 'listing', version: Number(version) } });
const context = { codeVersion: '1', now: Date.now };
const faults = createViewFaults(listingView(), store, context, silentLogger, () => {});
for (const { id } of await faults.list()) {
  // From here to the next message any moment is a good one to be killed.
  process.send?.(id);
  await faults.resubmit(id);
}
process.exit(0);
