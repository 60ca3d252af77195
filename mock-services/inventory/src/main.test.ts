import { describeProgram } from '@portico/testing/service-suite.ts';
import { type InventoryTables, migrations } from './database.ts';

describeProgram<InventoryTables>({
  name: 'inventory',
  main: new URL('./main.ts', import.meta.url),
  migrations,
  table: 'stock',
  rows: 40,
  path: '/stock?ids=p1',
});
