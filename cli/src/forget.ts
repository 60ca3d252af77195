import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { signIn } from './token/sign-in.ts';

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
  const service = env.CUSTOMERS_URL || demoUrlOf('customers', env);
  const issuer = env.OIDC_ISSUER || `http://127.0.0.1:${env.PORTICO_IDENTITY_PORT || 8081}`;
  const token = await signIn({
    issuer: issuer.replace(/\/$/, ''),
    login: values.as,
    password: values.password,
  });
  const answer = await fetch(new URL(`/customers/${encodeURIComponent(customer)}`, service), {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  });
  const said = (await answer.json()) as { forgottenAt?: string; detail?: string };
  if (!answer.ok) throw new Error(said.detail ?? `${service} answered with status ${answer.status}`);
  return `the customer ${customer} is forgotten since ${said.forgottenAt}`;
}

function demoUrlOf(name: string, env: NodeJS.ProcessEnv): string {
  const path = join(env.PORTICO_DATA_DIR || '.portico', 'demo.json');
  try {
    const { processes } = JSON.parse(readFileSync(path, 'utf8')) as DemoFile;
    return String(new URL(processes.find((one) => one.name === name)?.url ?? ''));
  } catch (error) {
    throw new Error(`CUSTOMERS_URL is not set, and ${path} names no running demo`, { cause: error });
  }
}

interface DemoFile {
  readonly processes: readonly { readonly name: string; readonly url: string }[];
}
