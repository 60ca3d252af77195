import { describeProgram } from '@portico/testing/service-suite.ts';
import { type CustomersTables, migrations } from './database.ts';

describeProgram<CustomersTables>({
  name: 'customers',
  main: new URL('./main.ts', import.meta.url),
  migrations,
  table: 'customers',
  rows: 200,
  path: '/customers?ids=c1',
});
