export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** The numbered database; Redis Cluster has only 0. */
  readonly db: number;
  readonly tls: boolean;
  readonly cluster: boolean;
}

/**
 * Reads `redis://[[user]:password@]host[:port][/db][?cluster=true]`, or `rediss://` for TLS.
 * @throws TypeError for anything else. The message doesn't repeat the URL, which may hold a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.parse(text);
  const db = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '')?.[1];
  const cluster = clusterOf(url);
  const credentials = url === null ? undefined : credentialsOf(url);
  const scheme = /^rediss?:$/.test(url?.protocol ?? '');
  const place = db !== undefined && cluster !== undefined && !(cluster && Number(db) > 0);
  if (!url?.hostname || !scheme || !place || credentials === undefined) {
    throw new TypeError('a Redis URL looks like redis://[[user]:password@]host[:port][/db][?cluster=true]');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 6379),
    ...credentials,
    db: Number(db),
    tls: url.protocol === 'rediss:',
    cluster,
  };
}

function clusterOf(url: URL | null): boolean | undefined {
  switch (url?.search) {
    case '?cluster=true':
      return true;
    case '?cluster=false':
    case '':
      return false;
    default:
      return undefined;
  }
}

function credentialsOf({ username, password }: URL): { username?: string; password?: string } | undefined {
  try {
    return {
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
    };
  } catch {
    return undefined;
  }
}
