import { describeProgram } from '@portico/testing/service-suite.ts';
import { migrations, type ShippingTables } from './database.ts';

describeProgram<ShippingTables>({
  name: 'shipping',
  main: new URL('./main.ts', import.meta.url),
  migrations,
  table: 'shipments',
  rows: 0,
  path: '/shipments/o1',
  as: 'service',
  status: 404,
});
