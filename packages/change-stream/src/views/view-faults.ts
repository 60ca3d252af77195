import type { Logger } from '@portico/runtime/log.ts';
import type { FaultContext } from '../faults/failure.ts';
import { type Fault, type FaultDesk, summarize } from '../faults/fault-desk.ts';
import { readFault, resolveFault } from './resolve-fault.ts';
import { type AsideEvent, asideName, type OpenFault } from './set-aside.ts';
import type { View } from './view.ts';
import type { ViewStore } from './view-store.ts';

/** The faults of a view, in its store. @param onResolved told of the keys whose states may be others now */
export function createViewFaults<State>(
  view: View<State>,
  store: ViewStore<State>,
  context: FaultContext,
  log: Logger,
  onResolved: (keys: ReadonlySet<string>) => void,
): FaultDesk {
  const resolve = async (id: string, isDiscarded: boolean) => {
    const resolved = await resolveFault(view, store, id, isDiscarded, context);
    if (resolved === undefined) return undefined;
    const { keys, ...resolution } = resolved;
    const done = isDiscarded ? 'discarded' : 'resubmitted';
    log.info({ view: view.name, fault: id, ...resolution }, `a fault was ${done}`);
    onResolved(new Set(keys));
    return resolution;
  };
  return {
    consumer: view.name,
    list: async () => {
      const { cursor } = await store.readAside([]);
      const ids = Object.keys(cursor?.faults ?? {});
      const { cursor: now, aside } = await store.readAside(ids.map((id) => asideName(id, 0)));
      return ids.flatMap((id) => {
        const fault = toFault(view.name, id, now?.faults?.[id], aside.get(asideName(id, 0)));
        return fault === undefined ? [] : [summarize(fault)];
      });
    },
    show: async (id) => {
      const found = await readFault(store, id);
      return toFault(view.name, id, found?.fault, found?.events[0]);
    },
    resubmit: (id) => resolve(id, false),
    discard: (id) => resolve(id, true),
  };
}

function toFault(
  consumer: string,
  id: string,
  fault: OpenFault | undefined,
  head: AsideEvent | undefined,
): Fault | undefined {
  if (fault === undefined || head?.failure === undefined) return undefined;
  const { source, at: position, event, failure } = head;
  const { keys, waiting } = fault;
  return { id, consumer, ...failure, source, position, event, ...(keys && { keys }), waiting };
}
