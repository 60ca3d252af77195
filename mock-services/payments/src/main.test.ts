import { describeProgram } from '@portico/testing/service-suite.ts';
import { migrations, type PaymentsTables } from './database.ts';

describeProgram<PaymentsTables>({
  name: 'payments',
  main: new URL('./main.ts', import.meta.url),
  migrations,
  table: 'payments',
  rows: 0,
  path: '/ledger',
  as: 'root',
});
