import { runService } from '@portico/runtime/run-service.ts';
import { createPayments } from './create-payments.ts';
import { migrations } from './database.ts';

await runService({ name: 'payments', migrations, createApp: (parts) => createPayments(parts) }, process.env);
