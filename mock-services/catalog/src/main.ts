import { runService } from '@portico/runtime/run-service.ts';
import { createCatalog } from './create-catalog.ts';
import { migrations } from './database.ts';
import { seedCatalog } from './seed.ts';

await runService({ name: 'catalog', migrations, seed: seedCatalog, createApp: createCatalog }, process.env);
