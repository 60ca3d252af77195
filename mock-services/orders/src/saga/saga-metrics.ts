import { Counter, Gauge, type Metrics } from '@portico/runtime/metrics.ts';
import type { Kysely } from 'kysely';
import type { OrdersTables } from '../database.ts';
import type { SagaOptions } from './run-saga.ts';
import { countSteps } from './saga-steps.ts';

/**
 * Shows what the sagas have to do, as the database has it: the same in each instance, and nothing while it is away; and
 * counts the tries of this process.
 */
export function createSagaMetrics(
  { registry }: Pick<Metrics, 'registry'>,
  db: Kysely<OrdersTables>,
): Required<Pick<SagaOptions, 'onTry'>> {
  const gauge = (name: string, help: string, member: 'count' | 'oldest') =>
    new Gauge({
      name,
      help,
      labelNames: ['step', 'state'],
      registers: [registry],
      async collect() {
        const rows = await countSteps(db).catch(() => []);
        this.reset();
        for (const { step, state, ...row } of rows) this.set({ step, state }, row[member]);
      },
    });
  gauge('portico_saga_steps', 'Steps of sagas that are still to be done, waiting or parked', 'count');
  gauge('portico_saga_oldest_step_seconds', 'For how long the oldest of them was due or tried', 'oldest');
  const tries = new Counter({
    name: 'portico_saga_tries_total',
    help: 'Tries of steps of sagas in this process, by what came of them; after failed ones follow others',
    labelNames: ['step', 'result'],
    registers: [registry],
  });
  return { onTry: ({ name, direction }, result) => tries.inc({ step: `${name}:${direction}`, result }) };
}
