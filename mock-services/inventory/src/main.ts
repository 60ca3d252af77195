import { runService } from '@portico/runtime/run-service.ts';
import { createInventory } from './create-inventory.ts';
import { migrations } from './database.ts';
import { seedInventory } from './seed.ts';

await runService(
  { name: 'inventory', migrations, seed: seedInventory, createApp: createInventory },
  process.env,
);
