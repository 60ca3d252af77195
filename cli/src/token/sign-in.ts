import { createHash, randomBytes } from 'node:crypto';
import { type Browser, createBrowser } from './browser.ts';

export interface SignInOptions {
  readonly issuer: string;
  readonly login: string;
  readonly password: string;
  readonly fetch?: typeof globalThis.fetch;
}

/** What the sign-in failed of, for the person who wanted it. */
export class SignInError extends Error {
  override name = 'SignInError';
}

const clientId = 'portico-cli';
// Nobody has to listen there: the last redirect is read and not followed.
const redirectUri = 'http://127.0.0.1:8976/callback';

/**
 * Signs a user in as a browser would, and gives the access token:
 *  1. asks the provider where its endpoints are (OpenID Connect Discovery 1.0);
 *  2. goes to the authorization endpoint with a PKCE challenge (RFC 7636), and on to the login form;
 *  3. sends the form, and follows the redirects to the one that carries the code;
 *  4. changes the code for the token.
 * @throws SignInError
 */
export async function signIn({ issuer, login, password, fetch }: SignInOptions): Promise<string> {
  const browser = createBrowser(fetch);
  const endpoints = await discover(browser, issuer);
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');

  const form = await browser.open(authorizationUrl(endpoints.authorization, verifier, state), redirectUri);
  const action = /<form[^>]*\saction="([^"]+)"/.exec(form.text)?.[1];
  if (form.status !== 200 || action === undefined) {
    throw new SignInError(`${issuer} shows no login form: ${alertOf(form.text) ?? `status ${form.status}`}`);
  }
  const fields = new URLSearchParams({ login, password });
  const sent = await browser.submit(new URL(action, form.url).href, fields, redirectUri);
  if (!sent.url.startsWith(redirectUri)) {
    throw new SignInError(alertOf(sent.text) ?? `the login form was answered with status ${sent.status}`);
  }
  const code = readCode(new URL(sent.url), issuer, state);
  return exchangeCode(browser, endpoints.token, code, verifier);
}

async function discover(browser: Browser, issuer: string) {
  const { json } = await browser.load(`${issuer}/.well-known/openid-configuration`);
  const { issuer: name, authorization_endpoint: authorization, token_endpoint: token } = json ?? {};
  if (name !== issuer || typeof authorization !== 'string' || typeof token !== 'string') {
    throw new SignInError(`${issuer} is no OpenID provider of this name`);
  }
  return { authorization, token };
}

function authorizationUrl(endpoint: string, verifier: string, state: string): string {
  const url = new URL(endpoint);
  const parameters = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid profile shop',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** State and issuer keep out codes that were not given to this sign-in (RFC 9700 section 4.7, RFC 9207). */
function readCode({ searchParams }: URL, issuer: string, state: string): string {
  const code = searchParams.get('code');
  if (
    code !== null &&
    searchParams.get('state') === state &&
    (searchParams.get('iss') ?? issuer) === issuer
  ) {
    return code;
  }
  throw new SignInError(searchParams.get('error_description') ?? 'the provider gave no code');
}

async function exchangeCode(browser: Browser, endpoint: string, code: string, verifier: string) {
  const { json } = await browser.load(
    endpoint,
    new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: redirectUri,
      code,
      code_verifier: verifier,
    }),
  );
  const { access_token: token, error_description: why } = json ?? {};
  if (typeof token === 'string') return token;
  throw new SignInError(typeof why === 'string' ? why : 'the provider gave no token for its code');
}

/** What a page says went wrong. */
function alertOf(html: string): string | undefined {
  return /role="alert"[^>]*>([^<]+)</.exec(html)?.[1];
}

/** Why nobody is signed in, in one line. */
export function explainSignIn(error: unknown, issuer: string): string {
  if (error instanceof SignInError) return error.message;
  if ((error as Error).name === 'TimeoutError') return `${issuer} does not answer`;
  return `${issuer} can not be reached; is the demo running? (OIDC_ISSUER names another provider)`;
}
