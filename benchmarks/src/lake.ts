import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { startChild } from './child.ts';
import { startMeasuredPostgres } from './coherence/start-shop.ts';
import { orderRecordAt, source, writeLakeOfOrders } from './lake-of-orders.ts';
import type { Report } from './report.ts';
import { temporaryFolder } from './temporary-folder.ts';

const appendSeconds = 20;
const perAppend = 500;
const eventsInLake = 1_000_000;

const ordersByDay = `select committed_at::date as day, count(*) as orders, sum((data->>'$.after.data.total.amount')::bigint) as total
  from events where data->>'$.after.type' = 'order-placed' group by day order by day`;

interface Following {
  readonly appended: number;
  readonly appendedPerSecond: number;
  /** How much later than the last append the lake had all. */
  readonly behindMs: number;
  readonly residentMb: readonly [atStart: number, atMost: number];
}

/** Appends as fast as the hub takes it, while a lake follows as a process of its own. */
async function measureFollowing(ending: AsyncDisposableStack): Promise<Following> {
  const postgres = await startMeasuredPostgres(['hub'], [], ending);
  const hubUrl = postgres.databases.hub ?? '';
  const hub = createPostgresEventHub({ url: hubUrl, log: silentLogger });
  ending.defer(() => hub.close());
  const LAKE_URL = pathToFileURL(await temporaryFolder(ending)).href;
  const env = { HUB_URL: hubUrl, LAKE_URL, LAKE_SEGMENT_SECONDS: '2', LOG_LEVEL: 'error' };
  const { admin } = await startChild(
    { program: '../../packages/event-lake/src/main.ts', env, listens: true },
    ending,
  );
  const metric = async (name: string) => {
    const text = await (await fetch(`${admin}/metrics`)).text();
    return Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const residentMb = async () => (await metric('process_resident_memory_bytes')) / 1_000_000;
  const atStart = await residentMb();
  let atMost = atStart;
  const writer = await hub.writer(source, new AbortController().signal);
  const start = performance.now();
  let appended = 0;
  while (performance.now() - start < appendSeconds * 1_000) {
    await writer.append(Array.from({ length: perAppend }, (_, nth) => orderRecordAt(appended + nth + 1)));
    appended += perAppend;
    if (appended % 10_000 === 0) atMost = Math.max(atMost, await residentMb());
  }
  const end = performance.now();
  while ((await metric('portico_lake_records_total')) < appended) {
    atMost = Math.max(atMost, await residentMb());
    await delay(50);
  }
  const behindMs = performance.now() - end;
  await writer.release();
  const appendedPerSecond = (appended * 1_000) / (end - start);
  return { appended, appendedPerSecond, behindMs, residentMb: [atStart, atMost] };
}

interface Asking {
  readonly megabytes: number;
  readonly seconds: Readonly<Record<'verify' | 'orders by day' | 'replay', number>>;
}

/** Three months of orders, one event a record, and what the commands take for all of them. */
async function measureAsking(ending: AsyncDisposableStack): Promise<Asking> {
  const dir = await temporaryFolder(ending);
  const bytes = await writeLakeOfOrders(dir, { epoch: 'measured', events: eventsInLake });
  const seconds = {
    verify: await timeOf(dir, 'verify'),
    'orders by day': await timeOf(dir, 'query', ordersByDay),
    replay: await timeOf(dir, 'replay'),
  };
  await rm(join(dir, 'segments'), { recursive: true });
  return { megabytes: bytes / 1_000_000, seconds };
}

/** Of the whole command, from its start to its end. */
async function timeOf(dir: string, ...args: readonly string[]): Promise<number> {
  const start = performance.now();
  const program = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [program, 'lake', ...args], {
    env: { PATH: process.env.PATH, LAKE_URL: pathToFileURL(dir).href },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`lake ${args[0]} failed: ${complaint}`);
  return (performance.now() - start) / 1_000;
}

/** About three minutes. */
export async function reportLake(ending: AsyncDisposableStack): Promise<Report> {
  const { appended, appendedPerSecond, behindMs, residentMb } = await measureFollowing(ending);
  const { megabytes, seconds } = await measureAsking(ending);
  const [atStart, atMost] = residentMb.map((value) => `${value.toFixed(0)} MB`);
  const bytes = (JSON.stringify(orderRecordAt(1)).length + JSON.stringify(orderRecordAt(2)).length * 4) / 5;
  return {
    title: 'The event lake: following the hub at its ceiling, and what commands take for a million events',
    note: `Events of orders, ${bytes.toFixed(0)} bytes each as JSON, one a record; ${perAppend} records an append. The hub, who appends and the lake share the processor.`,
    heads: ['', ''],
    rows: [
      ['records appended', `${appended}, ${appendedPerSecond.toFixed(0)} a second`],
      ['the lake had them all after the last append by', `${behindMs.toFixed(0)} ms`],
      ['resident memory of the writer at its start, at the most', `${atStart}, ${atMost}`],
      [`size of ${eventsInLake} events on the disk`, `${megabytes.toFixed(1)} MB`],
      ...Object.entries(seconds).map(([what, took]) => [
        `${what}, ${eventsInLake} events`,
        `${took.toFixed(2)} s`,
      ]),
    ],
  };
}
