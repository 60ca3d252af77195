import { Skipped } from './bff-under-check.ts';
import { createVisitor } from './visitor.ts';

/**
 * Where the provider changes codes for tokens, found by its metadata (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3),
 * which lies below one of the beginnings of its authorization endpoint.
 * @throws Skipped when it isn't there
 */
export async function findTokenEndpoint({ origin, pathname }: URL): Promise<string> {
  const segments = pathname.split('/').filter((segment) => segment !== '');
  for (let length = segments.length - 1; length >= 0; length -= 1) {
    const issuer = [origin, ...segments.slice(0, length)].join('/');
    const { status, text } = await createVisitor().visit(`${issuer}/.well-known/openid-configuration`);
    const known = status === 200 ? readMetadata(text) : {};
    if (known.authorization_endpoint === origin + pathname && typeof known.token_endpoint === 'string')
      return known.token_endpoint;
  }
  throw new Skipped(`the metadata of the provider at ${origin} can not be found`);
}

function readMetadata(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** What the provider says of a code that it never gave, from a client that says its name and proves nothing. */
export async function redeemWithoutSecret(authorization: URL): Promise<string> {
  const endpoint = await findTokenEndpoint(authorization);
  const asked = authorization.searchParams;
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: 'x'.repeat(43),
    code_verifier: 'x'.repeat(43),
    client_id: asked.get('client_id') ?? '',
    redirect_uri: asked.get('redirect_uri') ?? '',
  });
  const { text } = await createVisitor().visit(endpoint, { form, fields: { accept: 'application/json' } });
  return String(readMetadata(text).error);
}
