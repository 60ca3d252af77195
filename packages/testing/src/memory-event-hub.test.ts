import { describeEventHub } from '@portico/change-stream/hub/event-hub.contract.ts';
import { createMemoryLog } from './memory-event-hub.ts';

describeEventHub('memory', { emptyLog: async () => createMemoryLog() });
