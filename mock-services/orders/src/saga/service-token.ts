/** The access token by which this service is known to others. */
export interface ServiceToken {
  /** One that is valid for a while. @throws Error when there is none, and the provider gives none */
  current(): Promise<string>;
  /** Has a new one fetched at the next call: a service has refused this one. */
  forget(token: string): void;
}

export interface ServiceTokenOptions {
  /** The OpenID provider. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** So long before it expires a token is replaced; nothing that it is sent with takes longer. */
const renewBeforeMs = 60_000;
const fetchTimeoutMs = 2_000;

interface Fetched {
  readonly token: string;
  readonly expiresAt: number;
}

/** Gets tokens by client credentials (RFC 6749 section 4.4). Whoever needs one while it is fetched waits for the same. */
export function createServiceToken({ now = Date.now, ...client }: ServiceTokenOptions): ServiceToken {
  let kept: Fetched | undefined;
  let fetching: Promise<Fetched> | undefined;
  const renew = () => {
    fetching ??= fetchToken(client, now)
      .then((fetched) => {
        kept = fetched;
        return fetched;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };
  return {
    current: async () => {
      if (kept !== undefined && kept.expiresAt - renewBeforeMs > now()) return kept.token;
      const last = kept;
      const { token } = await renew().catch((error: unknown) => {
        if (last !== undefined && last === kept && last.expiresAt > now()) return last;
        throw error;
      });
      return token;
    },
    forget: (token) => {
      if (kept?.token === token) kept = undefined;
    },
  };
}

async function fetchToken(
  { issuer, clientId, clientSecret }: Omit<ServiceTokenOptions, 'now'>,
  now: () => number,
): Promise<Fetched> {
  const signal = AbortSignal.timeout(fetchTimeoutMs);
  const described = await answerOf(`${issuer}/.well-known/openid-configuration`, { signal });
  const endpoint = String(described.token_endpoint);
  // RFC 6749 section 2.3.1: both are form-encoded before they are put together.
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(':');
  const askedAt = now();
  const { access_token, expires_in } = await answerOf(endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'shop' }),
    signal,
  });
  if (typeof access_token !== 'string' || typeof expires_in !== 'number')
    throw new Error('the OpenID provider gave no token');
  return { token: access_token, expiresAt: askedAt + expires_in * 1_000 };
}

async function answerOf(url: string, init: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { ...init, redirect: 'error' });
  if (!answer.ok) throw new Error(`the OpenID provider answered ${answer.status}`);
  return (await answer.json()) as Record<string, unknown>;
}
