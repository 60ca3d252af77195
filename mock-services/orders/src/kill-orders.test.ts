import { describeKills } from './kill-orders.fixture.ts';

// Each step once: before its effect or after it, in turn. All of both are in the torture.
describeKills((nth) => nth % 4 === 0 || nth % 4 === 3);
