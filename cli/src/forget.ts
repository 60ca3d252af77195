import { parseArgs } from 'node:util';
import { findIssuer, readDemo } from './read-demo.ts';
import { explainSignIn, signIn } from './token/sign-in.ts';

const usage = 'say portico forget <customer> [--as root] [--password demo]';
const timeoutMs = 10_000;

/**
 * `portico forget <customer>`: asks the customers service to forget one, as an operator. The service is the one of `CUSTOMERS_URL`, or the demo's.
 * @returns what was done, in one line
 * @throws Error with one line that says what is wrong
 */
export async function runForget(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { as: { ...text, default: 'root' }, password: { ...text, default: 'demo' } },
    allowPositionals: true,
  });
  const [customer, ...others] = positionals;
  if (customer === undefined || others.length > 0) throw new Error(usage);
  const service = customersUrl(env);
  const issuer = findIssuer(env);
  const { as: login, password } = values;
  const token = await signIn({ issuer, login, password }).catch((cause: unknown) => {
    throw new Error(explainSignIn(cause, issuer), { cause });
  });
  const answer = await forget(customer, service, token);
  const said = (await answer.json()) as { forgottenAt?: string; detail?: string };
  if (!answer.ok) throw new Error(said.detail ?? `${service} answered with status ${answer.status}`);
  return `the customer ${customer} is forgotten since ${said.forgottenAt}`;
}

/** @throws Error that says what to say instead */
function customersUrl(env: NodeJS.ProcessEnv): string {
  const found = env.CUSTOMERS_URL || readDemo(env)?.processes.find(({ name }) => name === 'customers')?.url;
  if (found) return found;
  throw new Error('CUSTOMERS_URL is not set, and PORTICO_DATA_DIR names no running demo');
}

function forget(customer: string, service: string, token: string): Promise<Response> {
  return fetch(new URL(`/customers/${encodeURIComponent(customer)}`, service), {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  }).catch((cause: unknown) => {
    throw new Error(`the customers service at ${service} can not be reached`, { cause });
  });
}
