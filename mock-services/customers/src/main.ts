import { runService } from '@portico/runtime/run-service.ts';
import { createCustomers } from './create-customers.ts';
import { migrations } from './database.ts';
import { seedCustomers } from './seed.ts';

await runService(
  { name: 'customers', migrations, seed: seedCustomers, createApp: createCustomers },
  process.env,
);
