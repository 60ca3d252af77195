import { describeKills } from './kill-orders.fixture.ts';

describeKills();
