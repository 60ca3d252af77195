import type { LiveView } from '@portico/change-stream/views/live-view.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';
import { type OrdersState, orderAfter, orderKey, type TrackedOrder } from './orders-view.ts';

/** One event of an order, and what the order was after it. */
export interface OrderUpdate {
  /** Where to go on after it: opaque. */
  readonly id: string;
  /** Before this nothing that was sent counts: the order as it is now, not the next event. */
  readonly isReset: boolean;
  readonly order: TrackedOrder;
  /** W3C Trace Context of the event, if it happened while this was read. */
  readonly traceparent?: string | undefined;
}

/** A place in the events of one order. */
interface Place {
  readonly epoch: string;
  readonly version: number;
}

/**
 * The events of an order, each once and in their order, as this process comes to know them, until the signal aborts or the
 * view can't be trusted any more.
 * @param after the id of the last update that its reader has; all events when left out. One of another log, or that isn't an
 * id of this order, gives a reset.
 */
export async function* orderUpdates(
  view: LiveView<OrdersState>,
  number: string,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<OrderUpdate, void> {
  const key = orderKey(number);
  let place = after === undefined ? undefined : (readId(after, number) ?? { epoch: '', version: 0 });
  const watch = watchOrder(view, number);
  try {
    while (!signal.aborted) {
      const changed = watch.next();
      const read = await view.peek([key]);
      if (read === 'untrusted') return;
      const order = read === 'behind' ? undefined : read.states.get(key)?.order;
      if (order === 'incomplete') return;
      if (read !== 'behind' && order !== undefined) {
        const { epoch, number: upTo } = read.position;
        // Of what another instance has brought further, the rest of this process knows nothing yet.
        const known = order.timeline.filter(({ position }) => position <= upTo).length;
        const isReset = place !== undefined && place.epoch !== epoch;
        const from: number = isReset ? Math.max(0, known - 1) : (place?.version ?? 0);
        for (let version = from + 1; version <= known; version += 1) {
          const { position = 0 } = order.timeline[version - 1] ?? {};
          place = { epoch, version };
          const id = writeId(place, number, position);
          const traceparent = watch.takeTrace(version);
          yield { id, isReset, order: orderAfter(order, version), traceparent };
        }
      }
      await unlessAborted(changed, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    watch.end();
  }
}

/** Tells of changes, also of those between two times that somebody waits. */
function watchOrder(view: LiveView<OrdersState>, number: string) {
  const key = orderKey(number);
  const traces = new Map<string, string>();
  let changed = Promise.withResolvers<void>();
  const end = view.onChange((keys, events) => {
    if (keys !== undefined && !keys.has(key)) return;
    for (const { key: event, traceparent } of events) {
      if (traceparent !== undefined && event.startsWith(`${number}:`)) traces.set(event, traceparent);
    }
    changed.resolve();
  });
  return {
    end,
    takeTrace: (version: number) => {
      const event = `${number}:${version}`;
      const traceparent = traces.get(event);
      traces.delete(event);
      return traceparent;
    },
    next: () => {
      changed = Promise.withResolvers();
      return changed.promise;
    },
  };
}

function writeId({ epoch, version }: Place, number: string, position: number): string {
  return Buffer.from(JSON.stringify([epoch, position, number, version])).toString('base64url');
}

function readId(id: string, number: string): Place | undefined {
  try {
    const [epoch, , of, version] = JSON.parse(Buffer.from(id, 'base64url').toString('utf8'));
    return typeof epoch === 'string' && of === number && Number.isSafeInteger(version)
      ? { epoch, version }
      : undefined;
  } catch {
    return undefined;
  }
}
