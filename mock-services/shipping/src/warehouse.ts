import { setTimeout as delay } from 'node:timers/promises';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import type { ServiceWork } from '@portico/runtime/run-service.ts';
import type { ServiceParts } from '@portico/runtime/service-app.ts';
import type { ShippingTables } from './database.ts';
import { shipDue } from './shipments.ts';

const lookEveryMs = 250;

/** Lets shipments leave when they are due, for as long as the service runs; several instances share the work. */
export function letShipmentsLeave({
  db,
  log,
  now = Date.now,
}: Pick<ServiceParts<ShippingTables>, 'db' | 'log' | 'now'>): ServiceWork {
  const stopping = new AbortController();
  const outage = createOutageLog(log, {
    down: 'no shipment can leave',
    up: 'shipments can leave again',
  });
  const look = async () => {
    try {
      const shipped = await shipDue(db, new Date(now()));
      outage.up();
      if (shipped.length > 0) log.info({ orders: shipped }, 'shipments have left');
    } catch (error) {
      outage.down(error instanceof Error ? error.message : String(error));
    }
  };
  const work = async () => {
    while (!stopping.signal.aborted) {
      await look();
      await delay(lookEveryMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const working = work();
  return {
    close: async () => {
      stopping.abort();
      await working;
    },
  };
}
