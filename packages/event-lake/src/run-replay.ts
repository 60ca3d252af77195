import { once } from 'node:events';
import { parseArgs } from 'node:util';
import type { HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { openRecords } from '@portico/change-stream/personal/open-records.ts';
import { createPersonalKeys } from '@portico/change-stream/personal/personal-keys.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { readKeysOptions } from './config.ts';
import type { Lake } from './lake.ts';
import { replaySegment, type Selection, selectSegments } from './replay-lake.ts';
import type { LakeOutput } from './run-lake.ts';

const usage =
  'say portico lake replay [--from <n or time>] [--to <n or time>] [--epoch <epoch>] [--source <name>] [--type <type>] [--personal]';

const tellEveryMs = 1_000;

/**
 * Writes the events of a selection as lines of JSON, in the order of the hub, and tells every second how far it is. It
 * begins when all that it needs was found to be what was written.
 */
export async function runReplay(
  lake: Lake,
  args: readonly string[],
  { stdout, stderr }: LakeOutput,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { selection, type, personal } = readSelection(lake, args);
  await using opening = openPersonal(personal ? env : undefined);
  const segments = await selectSegments(lake, selection);
  const total = segments.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const done = { records: 0, events: 0 };
  let read = 0;
  let toldAt = performance.now();
  for (const segment of segments) {
    for await (const kept of replaySegment(lake, segment, selection)) {
      const records = await opening.open(kept);
      const lines = records.flatMap((record) => linesOf(segment.epoch, record, type));
      done.records += records.length;
      done.events += lines.length;
      if (lines.length > 0 && !stdout.write(`${lines.join('\n')}\n`)) await once(stdout, 'drain');
      if (performance.now() - toldAt < tellEveryMs) continue;
      toldAt = performance.now();
      stderr.write(
        `replayed ${done.events} events; ${read + done.records} of ${total} records were looked at\n`,
      );
    }
    read += segment.last - segment.first + 1;
  }
  stderr.write(`replayed ${done.events} events of ${done.records} records in ${segments.length} segments\n`);
  return 0;
}

/** What is personal can be read as long as its customer is not forgotten; without `env` it stays as it is kept. */
function openPersonal(env: NodeJS.ProcessEnv | undefined) {
  if (env === undefined) {
    const asKept = async (records: readonly HubRecord[]) => records;
    return { open: asKept, [Symbol.asyncDispose]: async () => {} };
  }
  const keys = createPersonalKeys({
    ...readKeysOptions(env),
    log: createLogger({ name: 'lake', level: 'silent' }),
  });
  return {
    open: (records: readonly HubRecord[]) => openRecords(records, eventSources, keys),
    [Symbol.asyncDispose]: () => keys.close(),
  };
}

function linesOf(epoch: string, record: HubRecord, type: string | undefined): string[] {
  const { number, source, xid, committedAt, events } = record;
  return events
    .filter((event) => type === undefined || event.type === type)
    .map((event) => JSON.stringify({ epoch, number, source, xid, committedAt, ...event }));
}

function readSelection(
  lake: Lake,
  args: readonly string[],
): { selection: Selection; type: string | undefined; personal: boolean } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: text,
      to: text,
      epoch: text,
      source: text,
      type: text,
      personal: { type: 'boolean', default: false },
    },
  });
  const { source, type, personal } = values;
  const epochs = lake.manifest.parts().map(({ epoch }) => epoch);
  if (values.epoch !== undefined && !epochs.includes(values.epoch)) {
    throw new Error(`the lake has no part ${JSON.stringify(values.epoch)}, but ${epochs.join(', ')}`);
  }
  const edges = [values.from, values.to];
  if (edges.every((edge) => edge === undefined)) {
    return { selection: { epoch: values.epoch, source }, type, personal };
  }
  const isNumber = edges.every((edge) => edge === undefined || /^\d+$/.test(edge));
  const [from, to] = edges.map((edge) => edge && (isNumber ? Number(edge) : Date.parse(edge)));
  if (Number.isNaN(from) || Number.isNaN(to)) throw new Error(usage);
  const range = { from: Number(from ?? 0), to: Number(to ?? Number.MAX_SAFE_INTEGER) };
  const epoch = values.epoch ?? (isNumber ? epochs.at(-1) : undefined);
  return {
    selection: { epoch, source, ...(isNumber ? { numbers: range } : { times: range }) },
    type,
    personal,
  };
}
