/** Alternates users as its argument says, and tells its parent what there is by now. */
import { alternateUsers } from './alternate-users.fixture.ts';

const tally = await alternateUsers({
  ...JSON.parse(process.argv[2] ?? '{}'),
  onProgress: (seen) => process.send?.(seen),
});
process.send?.(tally, () => process.disconnect());
