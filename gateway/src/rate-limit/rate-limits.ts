import { createFailureGate } from '@portico/coherent-cache/failure-gate.ts';
import { parseRedisUrl } from '@portico/coherent-cache/redis-address.ts';
import { withinTime } from '@portico/coherent-cache/redis-client.ts';
import { connectToRedis } from '@portico/coherent-cache/redis-connection.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { Gauge, type Metrics } from '@portico/runtime/metrics.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import { createWindowCounts } from '@portico/runtime/window-counts.ts';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** So many requests in so much time. */
export interface RatePolicy {
  readonly requests: number;
  readonly perSeconds: number;
}

export interface RateDecision {
  readonly allowed: boolean;
  readonly remaining: number;
  /** When the count begins anew, in milliseconds from now. */
  readonly resetMs: number;
}

/** Counts requests by key under one policy. */
export interface RateLimiter {
  /** Counts a request. Never rejects: where the shared count can't be reached, this process's own decides. */
  consume(key: string): Promise<RateDecision>;
}

/** Where the limiters of a gateway count: in this process, or in a Redis for all instances together. */
export interface RateLimits {
  limiter(name: string, policy: RatePolicy): RateLimiter;
  /** Whether requests are counted as they should be: in Redis where there is one, and not by each instance. */
  isAsConfigured(): boolean;
  close(): void;
}

export interface RateLimitsOptions {
  /** Instances of the gateway count together there; each by itself when left out. */
  readonly redisUrl?: string | undefined;
  readonly log: Logger;
  /** Shows whether instances count together, where they should. */
  readonly metrics?: Metrics;
  readonly now?: () => number;
  /** The most that a count may hold up a request, in milliseconds. */
  readonly timeoutMs?: number;
  /** So many peers or users of a limiter are counted here; above it the first ones are forgotten. */
  readonly maxKeys?: number;
}

export function createRateLimits(options: RateLimitsOptions): RateLimits {
  const { redisUrl, log, metrics, now = Date.now, timeoutMs = 20, maxKeys = 100_000 } = options;
  const localLimiter = (policy: RatePolicy) => createLocalLimiter(policy, maxKeys, now);
  if (redisUrl === undefined) {
    return { limiter: (_, policy) => localLimiter(policy), isAsConfigured: () => true, close: () => {} };
  }

  const client = connectToRedis(parseRedisUrl(redisUrl));
  const outage = createOutageLog(log, {
    down: 'Redis is not available: every gateway limits rates by itself',
    up: 'Redis is available again: gateways limit rates together',
  });
  client.on('error', (error: Error) => outage.down(error.message));
  client.on('ready', () => outage.up());
  if (metrics !== undefined) showSharing(metrics, () => !outage.isDown());
  // While Redis is away nobody waits for it: one try a second after three failures.
  const gate = createFailureGate({ failures: 3, pauseMs: 1_000, now });

  return {
    limiter: (name, policy) => {
      const local = localLimiter(policy);
      const shared = new RateLimiterRedis({
        storeClient: client,
        rejectIfRedisNotReady: true,
        keyPrefix: `portico:rate:${name}`,
        points: policy.requests,
        duration: policy.perSeconds,
      });
      return {
        async consume(key) {
          if (!gate.enter()) return local.consume(key);
          try {
            const decision = await withinTime(decide(shared, key, policy), timeoutMs);
            gate.succeeded();
            outage.up();
            return decision;
          } catch (error) {
            gate.failed();
            outage.down(error instanceof Error ? error.message : String(error));
            return local.consume(key);
          }
        },
      };
    },
    isAsConfigured: () => !outage.isDown(),
    close: () => client.disconnect(),
  };
}

function showSharing({ registry }: Metrics, areShared: () => boolean): void {
  new Gauge({
    name: 'portico_rate_limits_shared',
    help: '1 while instances count requests together in Redis, 0 while each counts by itself as Redis is away',
    registers: [registry],
    collect() {
      this.set(areShared() ? 1 : 0);
    },
  });
}

function createLocalLimiter({ requests, perSeconds }: RatePolicy, maxKeys: number, now: () => number) {
  const counts = createWindowCounts({ windowMs: perSeconds * 1_000, maxKeys, now });
  const consume = async (key: string): Promise<RateDecision> => {
    const { count, endsAt } = counts.add(key);
    const remaining = Math.max(0, requests - count);
    return { allowed: count <= requests, remaining, resetMs: endsAt - now() };
  };
  return { consume };
}

/** The library rejects with the state of a key that is over its limit, and with an Error when it couldn't count. */
async function decide(limiter: RateLimiterRedis, key: string, policy: RatePolicy): Promise<RateDecision> {
  const toDecision = (allowed: boolean, { remainingPoints, msBeforeNext }: RateLimiterRes): RateDecision => ({
    allowed,
    remaining: Math.min(Math.max(0, remainingPoints), policy.requests),
    resetMs: Math.max(0, msBeforeNext),
  });
  try {
    return toDecision(true, await limiter.consume(key));
  } catch (state) {
    if (state instanceof RateLimiterRes) return toDecision(false, state);
    throw state;
  }
}
