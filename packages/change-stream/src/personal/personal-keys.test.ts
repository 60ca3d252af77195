import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { silentLogger } from '@portico/runtime/log.ts';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import pg from 'pg';
import { createPersonalKeys, type PersonalKeys, type PersonalKeysOptions } from './personal-keys.ts';
import type { PersonalKey } from './sealed-field.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `keys_${letter}`);
const masterKey = 'the master key of this test alone';
let postgres: TestPostgres;
let url: string;
let opened: PersonalKeys[];
let admin: pg.Client;

before(async () => {
  postgres = await startPostgres({ databases: names });
});
after(() => postgres?.stop());
beforeEach(async () => {
  url = String(postgres.databases[names.pop() ?? '']);
  opened = [];
  admin = new pg.Client({ connectionString: url });
  admin.on('error', () => {});
  await admin.connect();
});
afterEach(async () => {
  await Promise.all([...opened.map((keys) => keys.close()), admin.end()]);
});

function open(options: Partial<PersonalKeysOptions> = {}): PersonalKeys {
  const keys = createPersonalKeys({ url, masterKey, log: silentLogger, ...options });
  opened.push(keys);
  return keys;
}
const bytesOf = (key: PersonalKey | undefined) => `${key?.id} ${key?.encryption.export().toString('hex')}`;
/** All that is in the database, as text. */
async function dump(): Promise<string> {
  const { rows } = await admin.query(
    'select k::text from personal_keys k union all select m::text from master_key m',
  );
  return JSON.stringify(rows);
}

describe('The keys of customers', () => {
  it('are one for each, the same for every process, however many ask at once', async () => {
    const processes = [open(), open(), open()];
    const customers = Array.from({ length: 200 }, (_, n) => `c${n}`);
    const found = await Promise.all(
      processes.flatMap((keys) => [keys.keysOf(customers), keys.keysOf([...customers].reverse())]),
    );
    const [first] = found;
    assert.equal(new Set([...(first?.values() ?? [])].map(bytesOf)).size, 200);
    for (const one of found) {
      for (const customer of customers)
        assert.equal(bytesOf(one.get(customer)), bytesOf(first?.get(customer)));
    }
    const key = first?.get('c7');
    const again = (await processes[0]?.find([String(key?.id), 'unknown']))?.get(String(key?.id));
    assert.equal(bytesOf(again), bytesOf(key));
  });

  it('stand in no row as they are, and in none at all once their customer is forgotten', async () => {
    const made: Buffer[] = [];
    const random = (bytes: number) => {
      const secret = randomBytes(bytes);
      if (bytes === 32) made.push(secret);
      return secret;
    };
    const keys = open({ random });
    const [ada, grace] = await Promise.all([keys.keysOf(['c1']), keys.keysOf(['c2'])]);
    const id = String(ada.get('c1')?.id);
    const { rows } = await admin.query("select wrapped from personal_keys where customer_id = 'c1'");
    const wrapped: string = rows[0].wrapped.toString('hex');
    for (const secret of made) assert.ok(!(await dump()).includes(secret.toString('hex')));
    assert.ok((await dump()).includes(wrapped));

    await keys.forget(['c1', 'c3']);
    await keys.forget(['c1']);
    const left = await dump();
    assert.ok(!left.includes(wrapped) && !left.includes(id));
    for (const other of [keys, open()]) {
      assert.equal((await other.find([id])).size, 0);
      const now = await other.keysOf(['c1', 'c2', 'c3']);
      assert.deepEqual([...now.keys()], ['c2'], 'who was forgotten gets no other key');
      assert.equal(bytesOf(now.get('c2')), bytesOf(grace.get('c2')));
    }
  });

  it('are known to a process for a minute at the most, and ten thousand of them', async () => {
    let ms = 0;
    const [one, other] = [open({ now: () => ms }), open()];
    assert.equal((await one.keysOf(['c1'])).size, 1);
    await other.forget(['c1']);
    ms = 59_999;
    assert.equal((await one.keysOf(['c1'])).size, 1);
    ms = 60_000;
    assert.equal((await one.keysOf(['c1'])).size, 0);

    assert.equal((await one.keysOf(['c2'])).size, 1);
    await one.keysOf(Array.from({ length: 10_000 }, (_, n) => `d${n}`));
    await other.forget(['c2']);
    assert.equal((await one.keysOf(['c2'])).size, 0);
  });

  it('are refused to another master key, which changes nothing', async () => {
    const keys = open();
    const found = await keys.keysOf(['c1']);
    const stranger = open({ masterKey: 'another master key of this test' });
    const asked = [
      () => stranger.ready(),
      () => stranger.keysOf(['c1', 'c2']),
      () => stranger.forget(['c1']),
    ];
    for (const ask of asked) await assert.rejects(ask, /another master key than PERSONAL_MASTER_KEY/);
    assert.equal(bytesOf((await open().keysOf(['c1'])).get('c1')), bytesOf(found.get('c1')));
    const { rows } = await admin.query('select customer_id from personal_keys');
    assert.deepEqual(rows, [{ customer_id: 'c1' }]);
  });

  it('are of no use in the row of another customer, or changed', async () => {
    const keys = open();
    await keys.keysOf(['c1', 'c2']);
    await admin.query(`update personal_keys set wrapped = (select wrapped from personal_keys where customer_id = 'c2')
      where customer_id = 'c1'`);
    await assert.rejects(open().keysOf(['c1']), /the key of the customer c1 is not what was stored/);
    assert.equal((await open().keysOf(['c2'])).size, 1);
  });

  it('are asked for again where the database was away', async () => {
    const keys = open();
    await postgres.crash();
    for (;;) {
      const found = await keys.keysOf(['c1']).catch(() => undefined);
      if (found !== undefined) break;
    }
    assert.equal((await keys.keysOf(['c1'])).size, 1);
  });
});
