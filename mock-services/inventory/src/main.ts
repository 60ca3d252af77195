import { createOutbox } from '@portico/change-stream/post/outbox.ts';
import { createPoster } from '@portico/change-stream/post/poster.ts';
import { inventoryEvents } from '@portico/contracts/events/inventory-events.ts';
import { runService } from '@portico/runtime/run-service.ts';
import type { ServiceParts } from '@portico/runtime/service-app.ts';
import { readPostingConfig } from './config.ts';
import { createInventory } from './create-inventory.ts';
import { type InventoryTables, migrations } from './database.ts';
import { seedInventory } from './seed.ts';

await runService({ name: 'inventory', migrations, seed: seedInventory, createApp }, process.env);

/** With somewhere to post to, commands write what they change into the outbox, which is posted from there. */
async function createApp(parts: ServiceParts<InventoryTables>) {
  const posting = readPostingConfig(process.env);
  const outbox = createOutbox<InventoryTables>(parts.db, inventoryEvents);
  if (posting === undefined) {
    // What is committed from now on is in no outbox: should inventory post again, it is another log.
    await outbox.renew();
    return createInventory(parts);
  }
  const poster = createPoster({ ...posting, source: 'inventory', outbox, log: parts.log });
  outbox.onCommit = poster.wake;
  parts.onClose?.(poster.close);
  return createInventory(parts, outbox.answerCommit);
}
