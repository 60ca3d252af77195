import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import Type from 'typebox';
import { Compile } from 'typebox/compile';

export interface SigningKeysOptions {
  readonly issuer: string;
  /** Where the keys are; asked of the issuer (OpenID Connect Discovery 1.0) when left out. */
  readonly jwksUrl?: string | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetch: typeof globalThis.fetch;
}

/** No key is known, and the provider gives none: nothing can be said of any token. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable';
}

/** Keys that were read so long ago are read again: one that the provider has withdrawn must not count for ever. */
const maxAgeMs = 600_000;
/** Reads in `windowMs` at most: a few rotations are followed at once, a flood of invented key ids is not passed on. */
const maxReads = 5;
const windowMs = 10_000;
const readTimeoutMs = 2_000;
const maxAnswerBytes = 100_000;

const keySet = Compile(
  Type.Object({ keys: Type.Array(Type.Object({ kty: Type.String(), kid: Type.Optional(Type.String()) })) }),
);

/**
 * The public keys of a provider, read when they are first needed and kept. A token that names a key which isn't among
 * them makes them be read again, as the provider may have begun to sign with a new one. While the provider is away,
 * the keys that are known go on counting.
 */
export function createSigningKeys(options: SigningKeysOptions): JWTVerifyGetKey {
  const { now, fetch } = options;
  let known: { readonly set: ReturnType<typeof createLocalJWKSet>; readonly readAt: number } | undefined;
  let reading: Promise<void> | undefined;
  let reads: readonly number[] = [];

  const read = async (): Promise<void> => {
    const jwksUrl = options.jwksUrl ?? (await discoverKeys(options.issuer, fetch));
    const keys = await fetchJson(jwksUrl, fetch);
    if (!keySet.Check(keys)) throw new Error('the provider gave something else than a key set');
    known = { set: createLocalJWKSet(keys as JSONWebKeySet), readAt: now() };
  };

  /** Reads the keys again, with those who want the same at this moment; does nothing when that was done too often. */
  const refresh = async (): Promise<void> => {
    if (reading === undefined) {
      reads = reads.filter((readAt) => now() - readAt < windowMs);
      if (reads.length >= maxReads) return;
      reads = [...reads, now()];
      reading = read().finally(() => {
        reading = undefined;
      });
    }
    await reading;
  };

  return async (header, token) => {
    if (known === undefined) await refresh().catch(unavailable);
    // Beside the request: known keys are better than none, and it must not wait for a provider that hangs.
    else if (now() - known.readAt >= maxAgeMs) refresh().catch(() => {});
    if (known === undefined) return unavailable(undefined);
    try {
      return await known.set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh().catch(() => {});
      return known.set(header, token);
    }
  };
}

function unavailable(cause: unknown): never {
  throw new KeysUnavailable('the keys of the identity provider can not be read', { cause });
}

async function discoverKeys(issuer: string, fetch: typeof globalThis.fetch): Promise<string> {
  const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, fetch);
  const found = (document ?? {}) as { issuer?: unknown; jwks_uri?: unknown };
  // Section 4.3: else the keys could be somebody else's.
  if (found.issuer !== issuer || typeof found.jwks_uri !== 'string') {
    throw new Error('the provider does not describe itself as the issuer');
  }
  return found.jwks_uri;
}

async function fetchJson(url: string, fetch: typeof globalThis.fetch): Promise<unknown> {
  const answer = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(readTimeoutMs),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the provider answered ${answer.status}`);
  if (text.length > maxAnswerBytes)
    throw new Error(`the provider answered more than ${maxAnswerBytes} bytes`);
  return JSON.parse(text);
}
