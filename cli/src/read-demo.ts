import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What other commands need of a running demo's `demo.json`. */
export interface RunningDemo {
  readonly processes: readonly { readonly name: string; readonly url: string; readonly admin?: string }[];
  readonly databases: Readonly<Record<string, string>>;
}

/** The demo that runs with this data folder; undefined where none does. */
export function readDemo({ PORTICO_DATA_DIR }: NodeJS.ProcessEnv): RunningDemo | undefined {
  try {
    return JSON.parse(readFileSync(join(PORTICO_DATA_DIR || '.portico', 'demo.json'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The OpenID provider that `OIDC_ISSUER` names, or the demo's, without a slash at its end. */
export function findIssuer(env: NodeJS.ProcessEnv): string {
  const ofDemo = () => readDemo(env)?.processes.find(({ name }) => name === 'identity')?.url;
  const issuer = env.OIDC_ISSUER || ofDemo() || `http://127.0.0.1:${env.PORTICO_IDENTITY_PORT || 8081}`;
  return issuer.replace(/\/$/, '');
}
