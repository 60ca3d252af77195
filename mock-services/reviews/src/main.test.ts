import { describeProgram } from '@portico/testing/service-suite.ts';
import { migrations, type ReviewsTables } from './database.ts';

describeProgram<ReviewsTables>({
  name: 'reviews',
  main: new URL('./main.ts', import.meta.url),
  migrations,
  table: 'reviews',
  rows: 200,
  path: '/ratings?ids=p1',
});
