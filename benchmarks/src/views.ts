import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventHub, SourceWriter } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import type { RecordHistory } from '@portico/change-stream/views/record-history.ts';
import { createRedisViewStore } from '@portico/change-stream/views/redis-view-store.ts';
import type { ViewStore } from '@portico/change-stream/views/view-store.ts';
import { type OrdersState, ordersView } from '@portico/coherent-cache/orders/orders-view.ts';
import { ordersEvents } from '@portico/contracts/events/orders-events.ts';
import { createLakeHistory } from '@portico/event-lake/lake-history.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startEngine } from './child.ts';
import { startMeasuredPostgres } from './coherence/start-shop.ts';
import { orderRecordAt, source, writeLakeOfOrders } from './lake-of-orders.ts';
import type { Report } from './report.ts';
import { temporaryFolder } from './temporary-folder.ts';

const eventsInLake = 1_000_000;
const customers = 20_000;
const commitsPerSecond = 100;
const never = new AbortController().signal;
const view = ordersView('measured');

interface Took {
  readonly seconds: number;
  /** Of a processor, by the process that does it. */
  readonly cpuSeconds: number;
  readonly longestTurnMs: number;
}

async function measure(work: () => Promise<unknown>): Promise<Took> {
  const turns = monitorEventLoopDelay({ resolution: 5 });
  turns.enable();
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const seconds = (performance.now() - began) / 1_000;
  turns.disable();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, longestTurnMs: turns.max / 1e6 };
}

/** A hub that has let go of all but the last event that is in the lake, and the lake. */
async function prepare(ending: AsyncDisposableStack) {
  const url = (await startMeasuredPostgres(['hub'], [], ending)).databases.hub ?? '';
  const hub = createPostgresEventHub({ url, log: silentLogger });
  ending.defer(() => hub.close());
  const epoch = await hub.epoch();
  const database = new pg.Client(url);
  await database.connect();
  await database.query('update hub set first_number = $1', [eventsInLake]);
  await database.query('update log_end set last_number = $1', [eventsInLake - 1]);
  await database.end();
  const writer = await hub.writer(source, never);
  await writer.append([orderRecordAt(eventsInLake, customers)]);
  const [last] = await hub.read({ epoch, number: eventsInLake - 1 }, 1);
  const dir = await temporaryFolder(ending);
  await writeLakeOfOrders(dir, { epoch, events: eventsInLake, lastMark: last?.mark, customers });
  return { hub, writer, epoch, history: createLakeHistory(dir) };
}

/** Orders go on at their rate while a view comes up from the lake, and is then rebuilt. */
async function measureView(
  store: ViewStore<OrdersState>,
  { hub, writer, history }: { hub: EventHub; writer: SourceWriter; history: RecordHistory },
) {
  const node = createChangeNode({ hub, sources: [ordersEvents], boundMs: 3_600_000, log: silentLogger });
  const live = createLiveView({ view, store, node, hub, history, log: silentLogger });
  const writing = new AbortController();
  const { last } = await hub.range();
  const goOn = async () => {
    for (let at = last + 1; !writing.signal.aborted; at += 1) {
      await writer.append([orderRecordAt(at, customers)]);
      await delay(1_000 / commitsPerSecond);
    }
  };
  const going = goOn();
  const start = await measure(async () => {
    while (live.applied === undefined) await delay(1);
  });
  const rebuild = await measure(() => live.rebuild({ signal: never }));
  writing.abort();
  await going;
  await live.close();
  await node.close();
  return { start, rebuild };
}

async function readAll(history: RecordHistory, epoch: string): Promise<void> {
  let records = 0;
  for await (const page of (await history.open(epoch))?.pages() ?? []) records += page.length;
  if (records !== eventsInLake) throw new Error(`${records} records were read`);
}

/** About three minutes. */
export async function reportViews(ending: AsyncDisposableStack): Promise<Report> {
  const prepared = await prepare(ending);
  const reading = await measure(() => readAll(prepared.history, prepared.epoch));
  const inProcess = await measureView(createMemoryViewStore(), prepared);
  const engine = await startEngine('redis', { PORTICO_ENGINE_DIR: await temporaryFolder(ending) }, ending);
  const rows: [string, Took][] = [
    ['reading the lake alone', reading],
    ['a start with the view in process', inProcess.start],
    ['a rebuild in process', inProcess.rebuild],
  ];
  if (engine !== undefined) {
    const redis = new Redis(engine.url);
    ending.defer(() => redis.disconnect());
    const inRedis = await measureView(createRedisViewStore({ redis, view }), prepared);
    rows.push(['a start with the view in Redis', inRedis.start], ['a rebuild in Redis', inRedis.rebuild]);
  }
  return {
    title: `Views from the lake: ${eventsInLake} events`,
    note: `Orders of ${customers} customers with five events each, one a record. Meanwhile ${commitsPerSecond} more commits a second at the most come through the hub, which has let go of all before; hub, Redis and process share the processor.`,
    heads: ['', 'seconds', 'of a processor', 'longest turn'],
    rows: rows.map(([name, { seconds, cpuSeconds, longestTurnMs }]) => [
      name,
      seconds.toFixed(1),
      cpuSeconds.toFixed(1),
      `${longestTurnMs.toFixed(0)} ms`,
    ]),
  };
}
