import type { RowChange } from '@portico/contracts/events/change-event.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Answer } from '@portico/runtime/openapi-types.ts';
import type { Kysely, Transaction } from 'kysely';
import type { InventoryTables } from './database.ts';

/** Does the work of a command in one transaction, which is given what it changes, and names it in the answer. */
export type Commit = <Body>(
  db: Kysely<InventoryTables>,
  /** @param commitId the commit's name, where it has one before it is over */
  work: (
    trx: Transaction<InventoryTables>,
    tell: (change: RowChange) => void,
    commitId?: string,
  ) => Promise<Answer<Body>>,
) => Promise<Answer<Body>>;

/** Where the database's own log says what changed, nothing needs to be told. */
export const loggedCommit: Commit = (db, work) =>
  answerCommit(db, 'inventory', (trx, commitId) => work(trx, () => {}, commitId));
