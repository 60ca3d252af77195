/**
 * A process that knows what changed, as a BFF does. For the message `seen` it answers with each transaction that it applied
 * since the last time, and when: `{ seen: [[xid, nanoseconds of the machine's steady clock], …] }`.
 */
import process from 'node:process';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { silentLogger } from '@portico/runtime/log.ts';

const hub = createPostgresEventHub({ url: String(process.env.HUB_URL), log: silentLogger });
const node = createChangeNode({ hub, sources: eventSources, log: silentLogger });
let seen: [string, string][] = [];
node.onApplied(({ xid }) => seen.push([xid, String(process.hrtime.bigint())]));
process.on('message', (message) => {
  if (message !== 'seen') return;
  process.send?.({ seen });
  seen = [];
});
process.on('disconnect', () => process.exit(0));
