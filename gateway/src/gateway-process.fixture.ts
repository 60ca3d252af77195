import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { signInSettings } from '@portico/testing/sign-in-settings.ts';

export interface GatewayProcess {
  readonly port: number;
  readonly admin: string;
  /** Fails when it is not the same process any more, or has complained. */
  readonly assertAlive: (what: string) => void;
  /** Asks it to stop; gives its exit code and signal. */
  readonly terminate: () => Promise<unknown[]>;
  readonly stop: () => Promise<void>;
}

const program = fileURLToPath(new URL('main.ts', import.meta.url));

/**
 * The gateway as a process of its own, with these settings and any free ports.
 * @param execArgv options of Node
 */
export function forkGateway(
  settings: Readonly<Record<string, string>>,
  execArgv: readonly string[] = [],
): ChildProcess {
  const env = {
    PATH: process.env.PATH,
    PORTICO_PORT: '0',
    PORTICO_ADMIN_PORT: '0',
    LOG_LEVEL: 'silent',
    ...settings,
  };
  return fork(program, { env, silent: true, execArgv: [...execArgv] });
}

/** The same, serving, with one upstream behind every route. */
export async function startGatewayProcess(
  upstream: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const gateway = forkGateway({
    WEB_URL: upstream,
    MOBILE_URL: upstream,
    SITE_URL: upstream,
    OIDC_ISSUER: 'http://127.0.0.1:1',
    ...signInSettings,
    ...settings,
  });
  let said = '';
  for (const stream of [gateway.stdout, gateway.stderr]) {
    stream?.on('data', (text) => {
      said += text;
    });
  }
  const [message] = await Promise.race([once(gateway, 'message'), once(gateway, 'exit')]);
  assert.ok(message?.ready, said);
  const { pid } = gateway;
  return {
    port: Number(new URL(message.ready.url).port),
    admin: message.ready.admin,
    assertAlive: (what) =>
      assert.deepEqual(
        [what, gateway.exitCode, gateway.signalCode, said, gateway.pid],
        [what, null, null, '', pid],
      ),
    terminate: () => {
      gateway.kill('SIGTERM');
      return once(gateway, 'exit');
    },
    stop: async () => {
      if (gateway.exitCode !== null || gateway.signalCode !== null) return;
      const exited = once(gateway, 'exit');
      gateway.kill('SIGKILL');
      await exited;
    },
  };
}
