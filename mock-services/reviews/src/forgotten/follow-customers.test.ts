import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { type ChangeEvent, everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import { createDatabase, type Database, migrateToLatest } from '@portico/runtime/database.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { createMemoryLog } from '@portico/testing/memory-event-hub.ts';
import { addReview } from '../add-review.ts';
import { migrations, type ReviewsTables } from '../database.ts';
import { followCustomers } from './follow-customers.ts';

describe('Reviews', { timeout: 60_000 }, () => {
  const openHub = createMemoryLog();
  /** What customers says when it is asked. */
  const forgotten = ['c1'];
  let postgres: TestPostgres;
  let db: Database<ReviewsTables>;
  let writer: SourceWriter;
  let following: { close(): Promise<void> };
  let at = 0;

  before(async () => {
    postgres = await startPostgres({ databases: ['reviews'] });
    db = createDatabase<ReviewsTables>(String(postgres.databases.reviews), silentLogger);
    await migrateToLatest(db, migrations);
    for (const customer of ['c1', 'c2', 'c3', 'c4', 'c5']) await add(customer);
    writer = await openHub().writer('customers', AbortSignal.timeout(10_000));
    await tell({ ...everythingChangedEvent('snapshot-begun'), id: 'e0' });
    const readForgotten = async function* () {
      yield [...forgotten];
    };
    following = followCustomers(
      { hub: openHub(), readForgotten },
      { db, log: silentLogger, metrics: createMetrics('reviews') },
    );
  });
  after(async () => {
    await following?.close();
    await db?.destroy();
    await postgres?.stop();
  });

  const add = (customerId: string) => {
    const review = { stars: 4, body: `Of ${customerId}.` };
    const command = { idempotencyKey: 'once', productId: 'p1', customerId, review, now: new Date(0) };
    return db.transaction().execute((trx) => addReview(trx, command, 'reviews:1'));
  };
  const tell = async (event: ChangeEvent) => {
    at += 1;
    const record = { source: 'customers', offset: { log: 'l', at: String(at) }, xid: String(at) };
    await writer.append([{ ...record, committedAt: at, events: [event] }]);
  };
  /** All that is left are these customers', in reviews and in the answers that are kept. */
  const untilLeft = async (...customers: readonly string[]) => {
    for (;;) {
      const left = await Promise.all(
        (['reviews', 'idempotency_keys'] as const).map(async (table) =>
          (await db.selectFrom(table).select('customer_id').orderBy('customer_id').execute())
            .map(({ customer_id }) => customer_id)
            .join(),
        ),
      );
      if (left.every((ids) => ids === customers.join())) return;
      await delay(10);
    }
  };
  const changed = (id: string, more: object | null): ChangeEvent => {
    const thing = { id, displayName: 'personal:1:withheld' };
    const data = { before: thing, after: more && { ...thing, ...more } };
    return { id: `e${at}`, type: 'customer-changed', key: id, data };
  };

  it('forgets at its first start whom customers has forgotten', () => untilLeft('c2', 'c3', 'c4', 'c5'));

  it('forgets whom the hub says, by a mark or by the end of the row, and nobody else', async () => {
    await tell(changed('c3', {}));
    await tell(changed('c2', { forgottenAt: '2026-01-31T12:00:00.000Z' }));
    await untilLeft('c3', 'c4', 'c5');
    await tell(changed('c4', null));
    await untilLeft('c3', 'c5');
  });

  it('asks customers where the hub can not tell', async () => {
    forgotten.push('c5');
    await tell({ ...everythingChangedEvent('too-large'), id: 'e1' });
    await untilLeft('c3');
  });

  it('takes nothing more from who was forgotten', async () => {
    await assert.rejects(add('c2'), /This customer was forgotten/);
    await untilLeft('c3');
  });
});
