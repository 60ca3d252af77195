import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { createHttpApp } from '@portico/runtime/http-app.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { createOpenApiRouter } from '@portico/runtime/openapi-router.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { Express, RequestHandler, Router } from 'express';
import { createShopData, type ShopData } from './shop-data.ts';
import { catalogHandlers, customersHandlers, inventoryHandlers, reviewsHandlers } from './shop-handlers.ts';

export type ShopService = 'catalog' | 'inventory' | 'reviews' | 'customers';

/**
 * - `fail`: 503.
 * - `hang`: takes requests and answers none.
 * - `reset`: breaks every connection.
 * - `garble`: answers 200 with JSON that ends in the middle.
 */
export type ShopFault = 'fail' | 'hang' | 'reset' | 'garble';

/** A call that a service received. */
export interface ShopCall {
  readonly service: ShopService;
  /** Path and query, as in the request line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ShopServicesOptions {
  /** Fails where an answer is not as the document says; true when left out, false where a test asks more often than that bears. */
  readonly validateAnswers?: boolean;
}

export interface ShopServices {
  readonly urls: Readonly<Record<ShopService, string>>;
  readonly data: ShopData;
  /** The calls since the last time that this was asked. */
  takeCalls(): ShopCall[];
  /** Makes a service misbehave until it is given undefined. */
  setFault(service: ShopService, fault: ShopFault | undefined): void;
  /** `call` with a ShopCall when one arrives; `cancelled` with it when its caller leaves before it has an answer. */
  readonly events: EventEmitter<{ call: [ShopCall]; cancelled: [ShopCall] }>;
  close(): Promise<void>;
}

/**
 * The four services as the OpenAPI documents describe them, each on a port of its own, in memory, in this process,
 * with the data of `createShopData`.
 */
export async function startShopServices(options: ShopServicesOptions = {}): Promise<ShopServices> {
  const data = createShopData();
  const faults = new Map<ShopService, ShopFault>();
  const events: ShopServices['events'] = new EventEmitter();
  let calls: ShopCall[] = [];
  events.on('call', (call) => calls.push(call));

  const checked = { validateAnswers: true, ...options };
  const routers: Record<ShopService, Router> = {
    catalog: createOpenApiRouter(loadOpenApi('catalog'), catalogHandlers(data), checked),
    inventory: createOpenApiRouter(loadOpenApi('inventory'), inventoryHandlers(data), checked),
    reviews: createOpenApiRouter(loadOpenApi('reviews'), reviewsHandlers(data), checked),
    customers: createOpenApiRouter(loadOpenApi('customers'), customersHandlers(data), checked),
  };
  const servers: Server[] = [];
  const serve = async (service: ShopService) => {
    const server = createServer(
      createShopApp(service, routers[service], [
        announce(service, events),
        misbehave(() => faults.get(service)),
      ]),
    );
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  return {
    urls: {
      catalog: await serve('catalog'),
      inventory: await serve('inventory'),
      reviews: await serve('reviews'),
      customers: await serve('customers'),
    },
    data,
    events,
    takeCalls: () => {
      const taken = calls;
      calls = [];
      return taken;
    },
    setFault: (service, fault) => {
      if (fault === undefined) faults.delete(service);
      else faults.set(service, fault);
    },
    close: async () => {
      await Promise.all(
        servers.map(async (server) => {
          server.close();
          server.closeAllConnections();
          await once(server, 'close');
        }),
      );
    },
  };
}

function createShopApp(service: ShopService, router: Router, before: readonly RequestHandler[]): Express {
  return createHttpApp({ log: silentLogger, metrics: createMetrics(service), timeoutMs: 60_000 }, (app) => {
    app.use(...before, router);
  });
}

function announce(service: ShopService, events: ShopServices['events']): RequestHandler {
  return (req, res, next) => {
    const call = { service, target: req.originalUrl, headers: req.headers };
    res.once('close', () => {
      if (!res.writableFinished) events.emit('cancelled', call);
    });
    events.emit('call', call);
    next();
  };
}

function misbehave(fault: () => ShopFault | undefined): RequestHandler {
  return (req, res, next) => {
    switch (fault()) {
      case undefined:
        return next();
      case 'fail':
        throw new Problem('unavailable', 'The service was told to fail.');
      case 'hang':
        return;
      case 'reset':
        req.socket.resetAndDestroy();
        return;
      case 'garble':
        res.type('application/json').end('{ "items": [ { "id":');
    }
  };
}
