import { readDemo } from '../read-demo.ts';

/** A process with an admin port. */
export interface AdminProcess {
  readonly name: string;
  readonly admin: string;
}

/**
 * The processes of the running demo, from its `demo.json`; or those at the addresses that are given.
 * @throws Error with one line where there is none
 */
export function findProcesses(addresses: readonly string[], env: NodeJS.ProcessEnv): AdminProcess[] {
  if (addresses.length > 0) return addresses.map((address) => ({ name: address, admin: toOrigin(address) }));
  const demo = readDemo(env);
  if (demo === undefined) {
    const dir = env.PORTICO_DATA_DIR || '.portico';
    throw new Error(
      `no demo is running: there is no ${dir}/demo.json; --admin <url> names the admin port of a process`,
    );
  }
  return demo.processes.flatMap(({ name, admin }) => (admin === undefined ? [] : [{ name, admin }]));
}

function toOrigin(address: string): string {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`--admin takes an address such as http://127.0.0.1:9901, got ${JSON.stringify(address)}`);
  return url.origin;
}
