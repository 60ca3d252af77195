import type { EventHub, HubRecord, Position } from '@portico/change-stream/hub/event-hub.ts';
import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { HistoryDamaged, type LogHistory } from '@portico/change-stream/views/record-history.ts';
import { type Moment, stateAt } from '@portico/change-stream/views/state-at.ts';
import { orderKey, ordersOfKey, ordersView } from '@portico/coherent-cache/orders/orders-view.ts';
import { readLakeDir } from '@portico/event-lake/config.ts';
import { createLakeHistory, epochsOfLake } from '@portico/event-lake/lake-history.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { readDemo } from '../read-demo.ts';
import type { ViewsOutput } from './run-views.ts';

const bffs = ['web', 'mobile'];

/** By name: whose events and rules, and the key that is meant where no whole one is said. */
const views = {
  orders: {
    viewOf: ordersView,
    keyOf: (said: string) => (/^o\d+$/.test(said) ? orderKey(said) : ordersOfKey(said)),
  },
};

interface Asked {
  readonly bff: string;
  readonly view: string;
  readonly key: string;
  readonly at: string | undefined;
  readonly epoch: string | undefined;
}

const pageRecords = 500;

/**
 * Writes what a view had under a key, and the position, as JSON. It comes from the lake, and from the hub, where one is known,
 * what the lake doesn't have yet.
 * @returns the exit code: 1 when the lake is damaged
 */
export async function showView(
  asked: Asked,
  env: NodeJS.ProcessEnv,
  { write, tell }: ViewsOutput,
): Promise<number> {
  const { viewOf, keyOf } = knownView(asked);
  const at = toMoment(asked.at);
  const hubUrl = env.HUB_URL || readDemo(env)?.databases.hub;
  const hub = hubUrl === undefined ? undefined : createPostgresEventHub({ url: hubUrl, log: silentLogger });
  try {
    const known = await openLog(readLakeDir(env), hub, asked.epoch);
    const { epoch, first, last } = known;
    if (at !== undefined && 'number' in at && (at.number > last || at.number < first - 1)) {
      const rest = known.isWhole ? '' : '; HUB_URL says where the hub is, which may have more';
      throw new Error(`${at.number} is not there: ${first} to ${last} of epoch ${epoch} are${rest}`);
    }
    if (!known.isWhole) tell(`the lake alone is asked, up to ${last}: HUB_URL says where the hub is`);
    const view = viewOf(asked.bff);
    const key = asked.key.includes(':') ? asked.key : keyOf(asked.key);
    const { position, gaps, faults, committedAt, state } = await stateAt({
      view,
      key,
      epoch,
      first,
      pages: known.pages(),
      at,
    });
    const shown = {
      view: view.name,
      key,
      at: { epoch, number: position.number },
      committedAt: committedAt === undefined ? null : new Date(committedAt).toISOString(),
      ...(Object.keys(gaps).length > 0 && { gaps }),
      ...(faults.length > 0 && { faults }),
      state: state ?? null,
    };
    write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof HistoryDamaged)) throw error;
    tell(`damaged: ${error.message}`);
    return 1;
  } finally {
    await hub?.close();
  }
}

function knownView({ bff, view }: Asked) {
  if (!bffs.includes(bff)) throw new Error(`there is no BFF ${JSON.stringify(bff)}, but ${bffs.join(', ')}`);
  if (Object.hasOwn(views, view)) return views[view as keyof typeof views];
  throw new Error(`there is no view ${JSON.stringify(view)}, but ${Object.keys(views).join(', ')}`);
}

function toMoment(at: string | undefined): Moment | undefined {
  if (at === undefined) return undefined;
  if (/^\d+$/.test(at)) return { number: Number(at) };
  const time = Date.parse(at);
  if (Number.isNaN(time)) {
    throw new Error(`--at is a number, or a time such as 2026-01-31T12:00:00Z, not ${JSON.stringify(at)}`);
  }
  return { time };
}

/** A log as far as it is known here. */
interface KnownLog {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Whether it ends there: the hub was asked, or the epoch is over. */
  readonly isWhole: boolean;
  pages(): AsyncIterable<readonly HubRecord[]>;
}

/** That of the epoch, or the present one. */
async function openLog(dir: string, hub: EventHub | undefined, asked: string | undefined): Promise<KnownLog> {
  const range = await hub?.range();
  const epochs = hub === undefined ? epochsOfLake(dir) : [];
  const epoch = asked ?? range?.epoch ?? epochs.at(-1);
  if (epoch === undefined) throw new Error('the lake is empty: HUB_URL says where the hub is');
  const own = range?.epoch === epoch ? range : undefined;
  const past = await createLakeHistory(dir).open(epoch);
  if (past === undefined && own === undefined) {
    const known = [...epochsOfLake(dir), ...(range === undefined ? [] : [range.epoch])];
    throw new Error(
      `nothing is known of epoch ${JSON.stringify(epoch)}, but of ${[...new Set(known)].join(', ')}`,
    );
  }
  return {
    epoch,
    first: past?.first ?? own?.first ?? 1,
    last: own?.last ?? past?.last ?? 0,
    isWhole: own !== undefined || epoch !== epochs.at(-1),
    pages: () => pagesOf(epoch, past, own === undefined ? undefined : hub),
  };
}

async function* pagesOf(
  epoch: string,
  past: LogHistory | undefined,
  hub: EventHub | undefined,
): AsyncGenerator<readonly HubRecord[]> {
  let end: Position = { epoch, number: past === undefined ? 0 : past.first - 1 };
  const place = ({ number, mark }: HubRecord): Position => ({ epoch, number, mark });
  for await (const records of past?.pages() ?? []) {
    end = place(records.at(-1) as HubRecord);
    yield records;
  }
  while (hub !== undefined) {
    const records = await hub.read(end, pageRecords);
    const last = records.at(-1);
    if (last === undefined) return;
    end = place(last);
    yield records;
  }
}
