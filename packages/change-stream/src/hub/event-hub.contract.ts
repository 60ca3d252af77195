import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { everythingChanged } from '@portico/contracts/events/change-event.ts';
import {
  type DurableEventHub,
  type HubMessage,
  type HubRecord,
  type NewProgress,
  type NewRecord,
  NotTheWriter,
  OtherLog,
  type Position,
  PositionGone,
} from './event-hub.ts';

/** How the contract gets hubs of one kind. */
export interface HubHarness {
  /** Makes an empty log; each call of what it gives is a hub of its own on it, as another process would have. */
  emptyLog(): Promise<() => DurableEventHub>;
  /** From now on each append of the source lingers after its records have their numbers, before others see them. */
  readonly slowDown?: (source: string) => Promise<void>;
  /** Cuts every connection to the log. */
  readonly cut?: () => Promise<void>;
  /** Kills the engine under the log in the middle of its work, and starts it again. */
  readonly crash?: () => Promise<void>;
}

/** A record of one transaction with one event, at this offset. */
export function recordAt(source: string, at: number, overrides: Partial<NewRecord> = {}): NewRecord {
  return {
    source,
    offset: { log: `${source}-log`, at: String(at) },
    xid: String(4_294_967_296n * 3n + BigInt(at)),
    committedAt: 1_700_000_000_000 + at,
    events: [
      { id: `${source}-${at}`, type: 'thing-changed', key: `k${at}`, data: { before: null, after: { at } } },
    ],
    ...overrides,
  };
}

export function progressAt(source: string, at: number): NewProgress {
  return {
    offset: { log: `${source}-log`, at: String(at) },
    xmin: String(at),
    committedAt: 1_700_000_000_000 + at,
  };
}

const never = new AbortController().signal;
const places = (records: readonly NewRecord[]) =>
  records.map(({ source, offset }) => `${source} ${offset.at}`);
const asAppended = ({ number: _number, mark: _mark, ...record }: HubRecord): NewRecord => record;

/** Follows the log from `after` until `enough` of all that came, and goes on where it was when the connection is lost. */
export async function follow(
  hub: DurableEventHub,
  after: Position,
  enough: (messages: readonly HubMessage[]) => boolean,
): Promise<HubMessage[]> {
  const messages: HubMessage[] = [];
  const done = new AbortController();
  let position = after;
  while (!done.signal.aborted) {
    const receive = (batch: readonly HubMessage[]) => {
      messages.push(...batch);
      const end = recordsOf(batch).at(-1);
      if (end !== undefined) position = { epoch: after.epoch, number: end.number, mark: end.mark };
      if (enough(messages)) done.abort();
    };
    const end = await hub.tail(position, receive, done.signal).catch((error: unknown) => {
      if (error instanceof PositionGone) throw error;
      return 'lost';
    });
    assert.ok(done.signal.aborted || end === 'lost', 'a tail ends by itself');
  }
  return messages;
}

export const recordsOf = (messages: readonly HubMessage[]): HubRecord[] =>
  messages.flatMap((message) => (message.kind === 'record' ? [message.record] : []));
export const hasRecords = (count: number) => (messages: readonly HubMessage[]) =>
  recordsOf(messages).length >= count;

/** What every hub does, whatever it is made of. */
export function describeEventHub(kind: string, { emptyLog, slowDown, cut, crash }: HubHarness): void {
  describe(`a hub in ${kind}`, () => {
    const opened: DurableEventHub[] = [];
    const start = async () => {
      const open = await emptyLog();
      const openHub = () => {
        const hub = open();
        opened.push(hub);
        return hub;
      };
      const hub = openHub();
      return { hub, openHub, begin: { epoch: await hub.epoch(), number: 0 } };
    };
    afterEach(async () => {
      for (const hub of opened.splice(0)) await hub.close();
    });

    test('is empty at first', async () => {
      const { hub, begin } = await start();
      assert.deepEqual(await hub.range(), { epoch: begin.epoch, first: 1, last: 0 });
      assert.deepEqual(await hub.read(begin, 10), []);
      assert.deepEqual(await hub.progress(), []);
    });

    test('numbers records from 1 without a hole, in the order in which they were appended', async () => {
      const { hub, begin } = await start();
      const catalog = await hub.writer('catalog', never);
      const reviews = await hub.writer('reviews', never);
      await catalog.append([recordAt('catalog', 5), recordAt('catalog', 7)]);
      await reviews.append([recordAt('reviews', 1)]);
      await catalog.append([recordAt('catalog', 8)]);
      const records = await hub.read(begin, 10);
      assert.deepEqual(places(records), ['catalog 5', 'catalog 7', 'reviews 1', 'catalog 8']);
      assert.deepEqual(
        records.map(({ number }) => number),
        [1, 2, 3, 4],
      );
      assert.deepEqual(await hub.range(), { epoch: begin.epoch, first: 1, last: 4 });
      assert.deepEqual(places(await hub.read({ ...begin, number: 1 }, 2)), ['catalog 7', 'reviews 1']);
      assert.deepEqual(await hub.read({ ...begin, number: 4 }, 2), []);
    });

    test('keeps a record as it was given, whatever is in it', async () => {
      const { hub, begin } = await start();
      const text = `\u0000 \ud800 "\\" \u2028 grün 🍏 ${'x'.repeat(512_000)}`;
      const event = {
        id: 'e',
        type: 't',
        key: text,
        data: { before: null, after: { text, no: null, n: 1.5 } },
      };
      const record = recordAt('catalog', 1, {
        offset: { log: 'a "log"', at: '18446744073709551615' },
        xid: '18446744073709551614',
        events: [event, event],
      });
      await (await hub.writer('catalog', never)).append([record]);
      assert.deepEqual((await hub.read(begin, 1)).map(asAppended), [record]);
    });

    test('appends all or nothing', async () => {
      const { hub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      const broken = recordAt('catalog', 3, { xid: 'none' });
      await assert.rejects(writer.append([recordAt('catalog', 1), recordAt('catalog', 2), broken]));
      assert.deepEqual(await hub.read(begin, 10), []);
      await writer.append([recordAt('catalog', 1), recordAt('catalog', 2)]);
      assert.deepEqual(
        (await hub.read(begin, 10)).map(({ number }) => number),
        [1, 2],
      );
    });

    test('leaves out what is there already, for the same writer and the next', async () => {
      const { hub, begin } = await start();
      const first = await hub.writer('catalog', never);
      assert.equal(first.stored, undefined);
      await first.append([recordAt('catalog', 9), recordAt('catalog', 10)]);
      await first.append([recordAt('catalog', 9), recordAt('catalog', 10), recordAt('catalog', 11)]);
      await first.release();
      const second = await hub.writer('catalog', never);
      assert.deepEqual(second.stored, { log: 'catalog-log', at: '11' });
      await second.append([recordAt('catalog', 10), recordAt('catalog', 11), recordAt('catalog', 12)]);
      await second.append([recordAt('catalog', 12)]);
      assert.deepEqual(
        places(await hub.read(begin, 10)),
        [9, 10, 11, 12].map((at) => `catalog ${at}`),
      );
    });

    test('keeps the parts of a transaction together, and their numbers', async () => {
      const { hub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      const parts = [1, 2, 3].map((number) => recordAt('catalog', 6, { part: { number, of: 3 } }));
      await writer.append([recordAt('catalog', 5), ...parts, recordAt('catalog', 7)]);
      await writer.append(parts);
      assert.deepEqual(
        (await hub.read(begin, 10)).map(({ part }) => part?.number),
        [undefined, 1, 2, 3, undefined],
      );
    });

    test('refuses what is not whole or not in order, and stores nothing of it', async () => {
      const { hub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      const part = (number: number, at = 6) => recordAt('catalog', at, { part: { number, of: 3 } });
      const wrong = [
        [recordAt('catalog', 2), recordAt('catalog', 1)],
        [recordAt('catalog', 2), recordAt('catalog', 2)],
        [part(1), part(2)],
        [part(2), part(3)],
        [part(1), part(3)],
        [part(1), part(2), part(3, 7)],
        [recordAt('reviews', 1)],
        [recordAt('catalog', 1), recordAt('catalog', 2, { offset: { log: 'other', at: '2' } })],
      ];
      for (const records of wrong)
        await assert.rejects(writer.append(records), Error, JSON.stringify(places(records)));
      await assert.rejects(writer.append([recordAt('catalog', 5)], progressAt('catalog', 4)));
      assert.deepEqual(await hub.read(begin, 10), []);
    });

    test('begins another log of offsets only with a record that says that everything may have changed', async () => {
      const { hub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      await writer.append([recordAt('catalog', 100)]);
      const anew = (at: number) => recordAt('catalog', at, { offset: { log: 'anew', at: String(at) } });
      await assert.rejects(writer.append([anew(101)]), OtherLog);
      await assert.rejects(
        writer.append([], { ...progressAt('catalog', 101), offset: { log: 'anew', at: '101' } }),
        OtherLog,
      );
      const all = { id: 'all', type: everythingChanged, key: '', data: { before: null, after: null } };
      await writer.append([{ ...anew(3), events: [all] }, anew(4)]);
      await writer.append([anew(4), anew(5)]);
      await assert.rejects(writer.append([recordAt('catalog', 101)]), OtherLog);
      assert.deepEqual(
        places(await hub.read(begin, 10)),
        [100, 3, 4, 5].map((at) => `catalog ${at}`),
      );
    });

    test('a reader skips nothing and repeats nothing while several write, some of them slowly', async () => {
      const { hub, openHub, begin } = await start();
      await slowDown?.('slow');
      const sources = ['slow', 'catalog', 'reviews', 'inventory'];
      const [appends, perAppend] = [15, 3];
      const total = sources.length * appends * perAppend;
      const following = follow(openHub(), begin, hasRecords(total));
      const writing = sources.map(async (source) => {
        const writer = await hub.writer(source, never);
        for (let append = 0; append < appends; append += 1) {
          await writer.append([1, 2, 3].map((nth) => recordAt(source, append * perAppend + nth)));
        }
      });
      const read: HubRecord[] = [];
      const reading = async () => {
        while (read.length < total) {
          read.push(...(await hub.read({ ...begin, number: read.length }, 1_000)));
        }
      };
      const [followed] = await Promise.all([following, reading(), ...writing]);
      for (const records of [read, recordsOf(followed)]) {
        assert.deepEqual(
          records.map(({ number }) => number),
          Array.from({ length: total }, (_, index) => index + 1),
        );
        for (const source of sources) {
          const of = records.filter((record) => record.source === source);
          assert.deepEqual(
            of.map(({ offset }) => Number(offset.at)),
            Array.from({ length: appends * perAppend }, (_, index) => index + 1),
          );
        }
      }
    });

    test('tells of progress after the records that it speaks of, and only the latest', async () => {
      const { hub, openHub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      await writer.append([recordAt('catalog', 1)], progressAt('catalog', 1));
      await writer.append([], progressAt('catalog', 20));
      await writer.append([recordAt('catalog', 21)], progressAt('catalog', 22));
      await writer.append([], progressAt('catalog', 21));
      await writer.append([recordAt('catalog', 22)]);
      const latest = { source: 'catalog', ...progressAt('catalog', 22), number: 2 };
      assert.deepEqual(await hub.progress(), [latest]);
      const messages = await follow(openHub(), begin, (all) => all.at(-1)?.kind === 'progress');
      assert.deepEqual(
        recordsOf(messages).length,
        2,
        'a record that lies at the progress is in the log already',
      );
      assert.deepEqual(messages.at(-1), { kind: 'progress', progress: latest });
      await writer.release();
      const stored = (await hub.writer('catalog', never)).stored;
      assert.deepEqual(stored, { log: 'catalog-log', at: '22' }, 'a progress is stored like a record');
    });

    test('a progress never overtakes a record while both keep coming', async () => {
      const { hub, openHub, begin } = await start();
      const count = 60;
      const following = follow(openHub(), begin, hasRecords(count));
      const writer = await hub.writer('catalog', never);
      for (let at = 1; at <= count; at += 1) {
        await writer.append([recordAt('catalog', at)], progressAt('catalog', at));
      }
      let number = 0;
      for (const message of await following) {
        if (message.kind === 'record') number = message.record.number;
        else {
          assert.ok(message.progress.number <= number);
          assert.ok(Number(message.progress.offset.at) <= number);
        }
      }
    });

    test('a reader that is far behind hears of progress when it is there', async () => {
      const { hub, openHub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      const count = 1_201;
      const records = Array.from({ length: count }, (_, index) => recordAt('catalog', index + 1));
      await writer.append(records, progressAt('catalog', count));
      const messages = await follow(openHub(), begin, (all) => all.some(({ kind }) => kind === 'progress'));
      assert.equal(recordsOf(messages).length, count);
      assert.equal(messages.at(-1)?.kind, 'progress');
    });

    test('a reader hears of progress as it comes, also without records', async () => {
      const { hub, openHub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      let said = 1;
      let appended = writer.append([], progressAt('catalog', said));
      const messages = await follow(openHub(), begin, (all) => {
        if (all.length >= 3) return true;
        said += 1;
        appended = appended.then(() => writer.append([], progressAt('catalog', said)));
        return false;
      });
      assert.deepEqual(
        messages.map((message) => message.kind === 'progress' && message.progress.xmin),
        ['1', '2', '3'],
      );
      await appended;
    });

    test('waits for a slow reader, and gives it the rest when it is ready', async () => {
      const { hub, openHub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      await writer.append([recordAt('catalog', 1)]);
      const done = new AbortController();
      let inside = 0;
      const batches: HubMessage[][] = [];
      await openHub().tail(
        begin,
        async (messages) => {
          inside += 1;
          assert.equal(inside, 1, 'one batch at a time');
          batches.push([...messages]);
          if (batches.length === 1) {
            for (let at = 2; at <= 30; at += 1) await writer.append([recordAt('catalog', at)]);
          }
          inside -= 1;
          if (recordsOf(batches.flat()).length === 30) done.abort();
        },
        done.signal,
      );
      assert.equal(batches.length, 2, 'what came meanwhile comes in one go');
    });

    test('a tail ends when its signal aborts, and with the error of its reader', async () => {
      const { hub, openHub, begin } = await start();
      await (await hub.writer('catalog', never)).append([recordAt('catalog', 1)]);
      await openHub().tail(begin, () => assert.fail('nothing is read'), AbortSignal.abort());
      await assert.rejects(
        hub.tail(begin, () => Promise.reject(new Error('the reader is broken')), never),
        /the reader is broken/,
      );
      const idle = new AbortController();
      const ended = hub.tail({ ...begin, number: 1 }, () => assert.fail('there is nothing'), idle.signal);
      await hub.range();
      idle.abort();
      await ended;
    });

    test('one writes for a source at a time; the next waits, and then the first is refused', async () => {
      const { hub, openHub, begin } = await start();
      const first = await hub.writer('catalog', never);
      await first.append([recordAt('catalog', 1)]);
      let taken = false;
      const second = openHub()
        .writer('catalog', never)
        .then((writer) => {
          taken = true;
          return writer;
        });
      await (await hub.writer('reviews', never)).append([recordAt('reviews', 1)]);
      await first.append([recordAt('catalog', 2)]);
      assert.equal(taken, false);
      await first.release();
      const writer = await second;
      assert.deepEqual(writer.stored, { log: 'catalog-log', at: '2' });
      await assert.rejects(first.append([recordAt('catalog', 3)]), NotTheWriter);
      await writer.append([recordAt('catalog', 3)]);
      await first.release();
      await writer.append([recordAt('catalog', 4)]);
      assert.equal((await hub.range()).last, 5);
      assert.equal((await hub.read(begin, 10)).length, 5);
    });

    test('whoever waits to write can give up', async () => {
      const { hub, openHub } = await start();
      const first = await hub.writer('catalog', never);
      const waiting = new AbortController();
      const second = openHub().writer('catalog', waiting.signal);
      waiting.abort(new Error('no more patience'));
      await assert.rejects(second, /no more patience/);
      await first.append([recordAt('catalog', 1)]);
    });

    test('a position that is not in this log is gone', async () => {
      const { hub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      await writer.append([1, 2, 3].map((at) => recordAt('catalog', at)));
      const [, second] = await hub.read(begin, 10);
      const there = { epoch: begin.epoch, number: 2, mark: second?.mark };
      assert.deepEqual(places(await hub.read(there, 10)), ['catalog 3']);
      const foreign = [
        { ...there, epoch: 'another' },
        { ...there, mark: '6f0f9b6c-63f4-4c5e-9c0e-000000000000' },
        { epoch: begin.epoch, number: 4 },
      ];
      for (const position of foreign) {
        await assert.rejects(hub.read(position, 1), PositionGone);
        await assert.rejects(
          hub.tail(position, () => assert.fail('nothing comes'), never),
          PositionGone,
        );
      }
    });

    test('trims the begin of the log: old records, and none that a durable consumer still needs', async () => {
      const { hub, begin } = await start();
      const writer = await hub.writer('catalog', never);
      const times = [1, 2, 9, 3, 4, 5];
      await writer.append(times.map((committedAt, index) => recordAt('catalog', index + 1, { committedAt })));
      await hub.keepFor('search', { ...begin, number: 2 });
      await hub.keepFor('search', { ...begin, number: 1 });
      const first = async () => (await hub.range()).first;

      assert.deepEqual(await hub.consumers(), [{ name: 'search', behind: 4, oldestAt: 9 }]);
      assert.equal(await hub.trim(1), 0);
      assert.equal(await hub.trim(100), 1, 'its own record is kept, so that it knows the log again');
      assert.equal(await first(), 2);
      assert.equal(await hub.forget('nobody'), false);
      assert.equal(await hub.forget('search'), true);
      await hub.keepFor('lake', { ...begin, number: 6 });
      assert.deepEqual(await hub.consumers(), [{ name: 'lake', behind: 0, oldestAt: undefined }]);
      await hub.forget('lake');
      assert.equal(await hub.trim(5), 1, 'up to the first that is young');
      assert.equal(await first(), 3);
      assert.equal(await hub.trim(100), 3, 'all but the last');
      assert.deepEqual(await hub.range(), { epoch: begin.epoch, first: 6, last: 6 });
      assert.equal(await hub.trim(100), 0);

      await assert.rejects(hub.read({ ...begin, number: 4 }, 1), PositionGone);
      await assert.rejects(
        hub.tail(begin, () => assert.fail('nothing comes'), never),
        PositionGone,
      );
      assert.deepEqual(places(await hub.read({ ...begin, number: 5 }, 1)), ['catalog 6']);
    });

    test('its epoch is its own, stays when it is opened again, and changes when it is told to', async () => {
      const { hub, openHub, begin } = await start();
      await (await hub.writer('catalog', never)).append([recordAt('catalog', 1), recordAt('catalog', 2)]);
      await hub.keepFor('search', { ...begin, number: 1 });
      await hub.close();
      const again = openHub();
      assert.equal(await again.epoch(), begin.epoch);
      const renewed = await again.renewEpoch();
      assert.notEqual(renewed, begin.epoch);
      assert.equal(await openHub().epoch(), renewed);
      await assert.rejects(again.read(begin, 1), PositionGone);
      assert.equal((await again.read({ epoch: renewed, number: 0 }, 10)).length, 2);
      assert.equal(await again.trim(Number.MAX_SAFE_INTEGER), 1, 'consumers of before are forgotten');
      const other = await start();
      assert.notEqual(other.begin.epoch, renewed);
    });

    // What an adapter has no engine for can't be done to it.
    if (cut !== undefined)
      test('a tail reads everything once though its connection is cut', async () => {
        const { hub, openHub, begin } = await start();
        const writer = await hub.writer('catalog', never);
        const count = 200;
        const following = follow(openHub(), begin, hasRecords(count));
        for (let at = 1; at <= count; at += 1) {
          if (at % 50 === 0) await cut();
          await untilDone(() => writer.append([recordAt('catalog', at)]));
        }
        assert.deepEqual(
          recordsOf(await following).map(({ offset }) => Number(offset.at)),
          Array.from({ length: count }, (_, index) => index + 1),
        );
      });

    if (crash !== undefined)
      test('what was appended outlives a crash of the engine', async () => {
        const { hub, openHub, begin } = await start();
        const writer = await hub.writer('catalog', never);
        const count = 300;
        const following = follow(openHub(), begin, hasRecords(count));
        let crashed: Promise<void> | undefined;
        for (let at = 1; at <= count; at += 1) {
          if (at === 100) crashed = crash();
          await untilDone(() => writer.append([recordAt('catalog', at)]));
        }
        await crashed;
        const wanted = Array.from({ length: count }, (_, index) => index + 1);
        for (const records of [recordsOf(await following), await hub.read(begin, count * 2)]) {
          assert.deepEqual(
            records.map(({ offset }) => Number(offset.at)),
            wanted,
          );
          assert.deepEqual(
            records.map(({ number }) => number),
            wanted,
          );
        }
        assert.equal(await hub.epoch(), begin.epoch);
      });
  });
}

/** Repeats what an outage made fail. */
async function untilDone(work: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof NotTheWriter || attempts === 3_000) throw error;
      await delay(10);
    }
  }
}
