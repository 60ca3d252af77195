import { readFileSync } from 'node:fs';
import { join } from 'node:path';

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
  const path = join(env.PORTICO_DATA_DIR || '.portico', 'demo.json');
  let file: string;
  try {
    file = readFileSync(path, 'utf8');
  } catch {
    throw new Error(
      `no demo is running: there is no ${path}; --admin <url> names the admin port of a process`,
    );
  }
  const { processes } = JSON.parse(file) as { processes: readonly { name: string; admin?: string }[] };
  return processes.flatMap(({ name, admin }) => (admin === undefined ? [] : [{ name, admin }]));
}

function toOrigin(address: string): string {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`--admin takes an address such as http://127.0.0.1:9901, got ${JSON.stringify(address)}`);
  return url.origin;
}
