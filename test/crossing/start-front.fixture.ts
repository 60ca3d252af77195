import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestBff } from '@portico/bff-mobile/mobile-bff.fixture.ts';
import { createChangedProducts } from '@portico/bff-mobile/sync/changed-products.ts';
import { createTestWeb } from '@portico/bff-web/web-bff.fixture.ts';
import { createChangeNode } from '@portico/change-stream/node/create-change-node.ts';
import { createLiveView } from '@portico/change-stream/views/create-live-view.ts';
import { createMemoryViewStore } from '@portico/change-stream/views/memory-view-store.ts';
import { createRedisViewStore } from '@portico/change-stream/views/redis-view-store.ts';
import type { ViewStore } from '@portico/change-stream/views/view-store.ts';
import { type OrdersState, ordersView } from '@portico/coherent-cache/orders/orders-view.ts';
import type { CacheRead } from '@portico/coherent-cache/read-cache.ts';
import { parseRedisUrl } from '@portico/coherent-cache/redis-address.ts';
import { connectToRedis } from '@portico/coherent-cache/redis-connection.ts';
import { createConsistency } from '@portico/coherent-cache/request-consistency.ts';
import { eventSources } from '@portico/contracts/events/event-sources.ts';
import { readTags } from '@portico/contracts/events/read-tags.ts';
import { createGateway } from '@portico/gateway/create-gateway.ts';
import { createRateLimits } from '@portico/gateway/rate-limit/rate-limits.ts';
import { createMemorySessionStore } from '@portico/gateway/session/memory-session-store.ts';
import { createRedisSessionStore } from '@portico/gateway/session/redis-session-store.ts';
import { createSessionMetrics } from '@portico/gateway/session/session-metrics.ts';
import { client, startTestProvider } from '@portico/gateway/session/test-provider.fixture.ts';
import { parseGatewayFile } from '@portico/gateway/table/read-gateway-file.ts';
import { toRouteTable } from '@portico/gateway/table/route-table.ts';
import { createUpstreamMetrics } from '@portico/gateway/upstreams/upstream-metrics.ts';
import { createOpenWebSockets } from '@portico/gateway/web-socket/open-web-sockets.ts';
import { createTokenVerifier } from '@portico/runtime/access-token.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics, type Metrics } from '@portico/runtime/metrics.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { findRedis, startRedis } from '@portico/testing/engines.ts';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';
import { startMarkedShop } from './marked-shop.fixture.ts';

/** How many whole answers came from where, to somebody and to visitors; `view` counts reads of views of orders. */
export type Levels = Record<'own' | 'public', Record<string, number>>;

export type Front = Awaited<ReturnType<typeof startFront>>;

/**
 * Portico's own gateway with two of each BFF behind it and all levels of their caches, over services that change and can be told to
 * fail.
 */
export async function startFront() {
  const provider = await startTestProvider();
  const verifyToken = createTokenVerifier({ issuer: provider.issuer, audience: 'portico' });
  const shop = await startMarkedShop(verifyToken);
  const redis = findRedis() === undefined ? undefined : await startRedis();
  const closing: (() => unknown)[] = [];
  const none = { memory: 0, joined: 0, fill: 0 };
  const levels: Levels = { own: { ...none, view: 0 }, public: { ...none, ...(redis && { redis: 0 }) } };
  const metrics: Metrics[] = [];

  const serve = async (app: RequestListener) => {
    // Longer than the gateway keeps a connection.
    const server = createServer({ keepAliveTimeout: 75_000 }, app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  /** What a BFF knows of changes. */
  const follow = (name: string) => {
    const hub = shop.connect();
    const node = createChangeNode({ hub, sources: eventSources, log: silentLogger, boundMs: 86_400_000 });
    const view = ordersView(name);
    const connection = redis && connectToRedis(parseRedisUrl(redis.url));
    connection?.on('error', () => {});
    const store: ViewStore<OrdersState> = connection
      ? createRedisViewStore({ redis: connection, view })
      : createMemoryViewStore();
    const orders = createLiveView<OrdersState>({ view, store, node, hub, log: silentLogger });
    const changed = createChangedProducts({ node, hub, log: silentLogger });
    closing.push(async () => {
      await Promise.all([orders.close(), changed.close(), node.close(), hub.close()]);
      connection?.disconnect();
    });
    const consistency = countingLevels(
      createConsistency({ key: 'a key of the crossing test'.repeat(2), node }),
      levels,
    );
    const known = {
      node,
      ordersView: orders,
      tagsOf: readTags,
      consistency,
      verifyToken,
      callTimeoutMs: 300,
    };
    return { ...known, changed, ...(redis && { redisUrl: redis.url }) };
  };
  const startWeb = () => {
    const known = follow('web');
    const own = createMetrics('web');
    const web = createTestWeb({ ...known, ...known.consistency.reading, urls: shop.urls, metrics: own });
    metrics.push(own);
    closing.unshift(web.close);
    return serve(web.app);
  };
  const startMobile = () => {
    const { changed, ...known } = follow('mobile');
    const mobile = createTestBff(shop.urls, {
      ...known,
      syncLog: { node: known.node, changed },
      validateAnswers: false,
    });
    metrics.push(mobile.metrics);
    closing.unshift(mobile.close);
    return serve(mobile.app);
  };
  const webs = [await startWeb(), await startWeb()];
  const mobiles = [await startMobile(), await startMobile()];

  const gatewayMetrics = createMetrics('gateway');
  const sessions = redis
    ? createRedisSessionStore({ url: redis.url, log: silentLogger })
    : createMemorySessionStore();
  const rateLimits = createRateLimits({ log: silentLogger });
  const gateway = createGateway({
    table: toRouteTable(readTable({ WEB: webs, MOBILE: mobiles, SITE: webs }, provider.issuer)),
    rateLimits,
    openWebSockets: createOpenWebSockets(),
    sessions: {
      store: sessions,
      secrets: [signInSettings.PORTICO_SESSION_SECRET],
      metrics: createSessionMetrics(gatewayMetrics),
    },
    log: silentLogger,
    metrics: gatewayMetrics,
    upstreamMetrics: createUpstreamMetrics(gatewayMetrics),
    viaName: 'portico-crossing',
  });
  const url = await serve(gateway.handler);

  return {
    url,
    shop,
    provider,
    levels,
    /** Calls to services that were tried again. */
    retries: async () => {
      const found = metrics.map(({ registry }) =>
        registry.getSingleMetric('portico_service_call_retries_total')?.get(),
      );
      return (await Promise.all(found))
        .flatMap((each) => each?.values ?? [])
        .reduce((sum, { value }) => sum + value, 0);
    },
    close: async () => {
      gateway.close();
      rateLimits.close();
      sessions.close();
      await Promise.all(closing.map((close) => close()));
      await Promise.all([shop.close(), provider.close()]);
      await redis?.stop();
    },
  };
}

/** Portico's own routes, with several targets for each upstream. */
function readTable(targets: Readonly<Record<string, readonly string[]>>, issuer: string) {
  const text = readFileSync(new URL('../../gateway/gateway.yaml', import.meta.url), 'utf8').replace(
    /\["\$\{(WEB|MOBILE|SITE)_URL\}"\]/g,
    (_, name) => JSON.stringify(targets[name]),
  );
  return parseGatewayFile(text, 'gateway.yaml', {
    ...signInSettings,
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: client.id,
    OIDC_CLIENT_SECRET: client.secret,
  });
}

/** The same, and counts from where whole answers came, and what was read from views. */
function countingLevels(consistency: ReturnType<typeof createConsistency>, levels: Levels) {
  const onRead = (context: RequestContext, read: CacheRead<unknown>) => {
    consistency.reading.onRead?.(context, read);
    const value = 'value' in read ? read.value : undefined;
    const isWhole = typeof value === 'object' && value !== null && 'isWhole' in value;
    if (!isWhole && read.source !== 'view') return;
    const counts = levels[context.identity === undefined ? 'public' : 'own'];
    counts[read.source] = (counts[read.source] ?? 0) + 1;
  };
  return { ...consistency, reading: { ...consistency.reading, onRead } };
}
