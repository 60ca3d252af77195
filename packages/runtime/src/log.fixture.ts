/** A small process for the tests of `createLogger`: writes lines and ends as its argument says. */
import { createLogger } from './log.ts';

const log = createLogger({ name: 'fixture', level: 'info' });
const [ending = '', count = '1'] = process.argv.slice(2);
for (let line = 1; line <= Number(count); line += 1) log.info({ line }, 'written');

if (ending === 'exit') process.exit(0);
if (ending === 'throw') throw new Error('nobody catches this');
// Stays until its parent is gone, which is after the line was read.
if (ending === 'stay') process.on('disconnect', () => process.exit(0));
