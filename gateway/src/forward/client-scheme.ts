import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

export type Scheme = 'http' | 'https';

/**
 * By which scheme clients come. TLS may end before the gateway, and a field that says so could be anybody's: where users sign in
 * it is that of `publicUrl`, else what this connection is.
 */
export function clientScheme({ socket }: IncomingMessage, publicUrl: string | undefined): Scheme {
  if (publicUrl !== undefined) return publicUrl.startsWith('https:') ? 'https' : 'http';
  return (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http';
}
