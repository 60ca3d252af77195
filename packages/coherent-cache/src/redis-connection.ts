import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from './redis-address.ts';

/**
 * Connects in the background, again and again until it is disconnected. The library's own time limit for commands stays
 * off, since it would also hold for what it asks while connecting, such as the nodes of a cluster.
 */
export function connectToRedis(address: RedisAddress): Redis | Cluster {
  return address.cluster ? connectToCluster(address) : connectToServer(address);
}

function connectionOptions({ username, password, db, tls }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    db,
    protocol: 2 as const,
    connectTimeout: 500,
    // A connection that is silent while a reply is due is given up and made anew.
    socketTimeout: 1_000,
    disconnectTimeout: 100,
    // A server that is loading its data says so to each command; nothing more has to be asked on connecting.
    enableReadyCheck: false,
    disableClientInfo: true,
    // What was under way when a connection ended fails at once: sent again later, a write would come too late.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  };
}

const reconnectDelayMs = (attempt: number) => Math.min(attempt * 50, 1_000);

function connectToServer(address: RedisAddress): Redis {
  return new Redis({
    ...connectionOptions(address),
    host: address.host,
    port: address.port,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
  });
}

function connectToCluster(address: RedisAddress): Cluster {
  return new Cluster([{ host: address.host, port: address.port }], {
    redisOptions: connectionOptions(address),
    clusterRetryStrategy: reconnectDelayMs,
    enableReadyCheck: false,
    // The first command to a node waits for its connection, within the time that a command has.
    enableOfflineQueue: true,
    // One redirect, as after a key has moved; all other tries again would come after the time of the command.
    maxRedirections: 1,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // A certificate names hosts, not addresses.
    ...(address.tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
  });
}
