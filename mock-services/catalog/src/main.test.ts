import { describeProgram } from '@portico/testing/service-suite.ts';
import { type CatalogTables, migrations } from './database.ts';

describeProgram<CatalogTables>({
  name: 'catalog',
  main: new URL('./main.ts', import.meta.url),
  migrations,
  table: 'products',
  rows: 40,
  path: '/products',
});
