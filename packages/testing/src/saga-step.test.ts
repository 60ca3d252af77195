import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { answerStep, isStepTaken, sagaStepsMigration, takeStep } from '@portico/runtime/saga-step.ts';
import { sql } from 'kysely';
import { startPostgres, type TestPostgres } from './engines.ts';

let postgres: TestPostgres;
let db: Database<unknown>;

before(async () => {
  postgres = await startPostgres({ databases: ['shop'] });
  db = createDatabase(String(postgres.databases.shop), silentLogger);
  await migrateToLatest(db, { '001-saga-steps': sagaStepsMigration });
});
after(async () => {
  await db?.destroy();
  await postgres?.stop();
});

const take = (key: string, request: object, work: () => Promise<unknown>) =>
  answerStep(db, 'shop', { key, request }, work);

describe('A step of a saga', () => {
  it('has its effect once, and is answered and named as it was the first time', async () => {
    let effects = 0;
    const work = async () => {
      effects += 1;
      return { zeta: 1, alpha: effects };
    };
    const first = await take('o1-place:reserve:do', { orderNumber: 'o1', lines: [] }, work);
    const again = await take('o1-place:reserve:do', { lines: [], orderNumber: 'o1' }, work);
    assert.equal(JSON.stringify(again), JSON.stringify(first));
    assert.match(String(first.headers?.['Commit-Id']), /^shop:\d+$/);
    assert.equal(effects, 1);
  });

  it('is waited for while somebody else takes it', async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const first = take('o2-place:reserve:do', {}, async () => {
      begun.resolve();
      await end.promise;
      return 'first';
    });
    await begun.promise;
    const second = take('o2-place:reserve:do', {}, async () => 'second');
    for (let waiting = 0; waiting === 0; ) {
      const { rows } = await sql`select 1 from pg_locks where not granted`.execute(db);
      waiting = rows.length;
    }
    end.resolve();
    assert.deepEqual(await second, await first);
  });

  it('is not taken when it fails, and another one takes its place', async () => {
    const fail = () => Promise.reject(new Error('no'));
    await assert.rejects(take('o3-place:reserve:do', {}, fail), /no/);
    assert.equal(await isStepTaken(db, 'o3-place:reserve:do'), false);
    const { body } = await take('o3-place:reserve:do', {}, async () => 'yes');
    assert.equal(body, 'yes');
    assert.equal(await isStepTaken(db, 'o3-place:reserve:do'), true);
  });

  it('is refused when its key was used for something else', async () => {
    await take('o4-place:reserve:do', { quantity: 1 }, async () => 1);
    const other = take('o4-place:reserve:do', { quantity: 2 }, async () => 2);
    await assert.rejects(other, { name: 'Problem', problem: 'conflict' });
  });

  it('keeps nothing of what it was asked', async () => {
    await take('o5-place:authorise:do', { paymentToken: 'tok_secret' }, async () => 1);
    const { rows } = await sql`select row::text as text from saga_steps as row`.execute(db);
    assert.doesNotMatch(JSON.stringify(rows), /tok_secret/);
  });

  it('names no commit of the time in which commits were named otherwise', async () => {
    const work = async () => 1;
    await take('o6-place:reserve:do', {}, work);
    const again = await db
      .transaction()
      .execute((trx) => takeStep(trx, { key: 'o6-place:reserve:do', request: {} }, undefined, work));
    assert.deepEqual(again.headers, {});
  });
});
