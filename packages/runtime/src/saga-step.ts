import { type Kysely, sql, type Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import { answerCommit } from './commit.ts';
import type { Answer } from './openapi-types.ts';
import { Problem } from './problems.ts';

/** Makes the table of the steps that a service took, in its own database. */
export const sagaStepsMigration: Migration = {
  async up(db) {
    await sql`
      create table saga_steps (
        key text primary key,
        request bytea not null,
        answer json,
        commit_id text
      )`.execute(db);
  },
};

/** A step of a saga, as a service is told to take it. */
export interface SagaStep {
  /** The saga's name for it, `sagaId:step:direction`. */
  readonly key: string;
  /** What it asks for. Only a hash of it is kept; the order of members doesn't count. */
  readonly request: object;
}

/**
 * Takes a step once: one that was taken before is answered as it was answered then, and while it is being taken by somebody else,
 * this waits for the outcome. A step that fails is not taken.
 * @param trx the transaction that has the effect, with the table of `sagaStepsMigration`
 * @param commitId the name of that transaction's commit, where it has one already
 * @throws Problem `conflict` when the key was used for something else
 */
export async function takeStep<Tables, Body>(
  trx: Transaction<Tables>,
  step: SagaStep,
  commitId: string | undefined,
  work: () => Promise<Body>,
): Promise<Answer<Body>> {
  // While another request with this key runs, this waits for its commit; if it fails, this one takes its place.
  const { numAffectedRows } = await sql`
    insert into saga_steps (key, request, commit_id) values (${step.key}, ${hashOf(step)}, ${commitId ?? null})
    on conflict do nothing`.execute(trx);
  if (numAffectedRows === 0n) return earlierAnswer(trx, step, commitId);
  const body = await work();
  await sql`update saga_steps set answer = ${JSON.stringify(body)} where key = ${step.key}`.execute(trx);
  return { body };
}

/** Takes a step in a transaction of its own, as `answerCommit` and `takeStep` say. */
export function answerStep<Tables, Body>(
  db: Kysely<Tables>,
  service: string,
  step: SagaStep,
  work: (trx: Transaction<Tables>) => Promise<Body>,
): Promise<Answer<Body>> {
  return answerCommit(db, service, (trx, commitId) => takeStep(trx, step, commitId, () => work(trx)));
}

/** Whether a step was taken, for what should not be done twice before its transaction begins. */
export async function isStepTaken<Tables>(db: Kysely<Tables>, key: string): Promise<boolean> {
  const { rows } = await sql`select 1 from saga_steps where key = ${key}`.execute(db);
  return rows.length > 0;
}

async function earlierAnswer<Tables, Body>(
  trx: Transaction<Tables>,
  step: SagaStep,
  commitId: string | undefined,
): Promise<Answer<Body>> {
  const { rows } = await sql<{ answer: Body; commit_id: string | null; is_same: boolean }>`
    select answer, commit_id, request = ${hashOf(step)} as is_same
    from saga_steps where key = ${step.key}`.execute(trx);
  const [taken] = rows;
  if (taken === undefined) throw new Error('a step that was taken is gone');
  if (!taken.is_same) throw new Problem('conflict', 'This Idempotency-Key was used for something else.');
  // Where commits have no name yet they count otherwise than the first one did, and this one comes after it.
  const isNamed = commitId !== undefined && taken.commit_id !== null;
  return { body: taken.answer, headers: isNamed ? { 'Commit-Id': String(taken.commit_id) } : {} };
}

/** By PostgreSQL, whose jsonb has one order of members. */
const hashOf = ({ request }: SagaStep) =>
  sql`sha256(convert_to(${JSON.stringify(request)}::jsonb::text, 'UTF8'))`;
