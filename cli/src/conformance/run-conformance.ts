import { parseArgs } from 'node:util';
import { type ConformanceOptions, createBffUnderCheck, Skipped } from './bff-under-check.ts';
import { type Check, checks } from './checks.ts';

export interface CheckResult extends Pick<Check, 'name' | 'section' | 'level'> {
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly why: string | undefined;
}

/**
 * `portico conformance <url>`: holds any BFF to what OAuth 2.0 for Browser-Based Applications (RFC 10017, BCP 212) and its
 * neighbours ask for, as far as that shows from outside. Gives the exit code: 1 when a MUST is not kept.
 * @throws Error for arguments that mean nothing
 */
export async function runConformance(
  args: readonly string[],
  write: (text: string) => void,
): Promise<number> {
  const { options, json } = readArguments(args);
  const results = await checkBff(options);
  write(json ? `${JSON.stringify({ url: options.url, results }, undefined, 2)}\n` : toReport(results));
  return results.some(({ outcome, level }) => outcome === 'failed' && level === 'MUST') ? 1 : 0;
}

/** One after the other: they share a session. */
export async function checkBff(options: ConformanceOptions): Promise<CheckResult[]> {
  const bff = createBffUnderCheck(options);
  const results: CheckResult[] = [];
  for (const { name, section, level, run } of checks) {
    const outcome = await run(bff).then(
      (why) => ({ outcome: why === undefined ? ('passed' as const) : ('failed' as const), why }),
      (error: Error) => ({
        outcome: error instanceof Skipped ? ('skipped' as const) : ('failed' as const),
        why: error.message,
      }),
    );
    results.push({ name, section, level, ...outcome });
  }
  return results;
}

function toReport(results: readonly CheckResult[]): string {
  const lines = results.map(({ name, section, level, outcome, why }) => {
    const line = `${outcome.padEnd(8)} ${level.padEnd(7)} ${name.padEnd(20)} ${section}`;
    return why === undefined ? line : `${line}\n         ${why}`;
  });
  const count = (outcome: CheckResult['outcome']) =>
    results.filter((each) => each.outcome === outcome).length;
  return `${lines.join('\n')}\n\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`;
}

function readArguments(args: readonly string[]): { options: ConformanceOptions; json: boolean } {
  const text = (usual: string) => ({ type: 'string', default: usual }) as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      login: text('/auth/login'),
      session: text('/auth/session'),
      logout: text('/auth/logout'),
      field: text('Portico-CSRF: 1'),
      user: { type: 'string' },
      password: text('demo'),
      json: { type: 'boolean', default: false },
    },
  });
  const [url, ...more] = positionals;
  const [, name, value] = /^([\w-]+): *(.+)$/.exec(values.field) ?? [];
  if (
    url === undefined ||
    more.length > 0 ||
    !URL.canParse(url) ||
    name === undefined ||
    value === undefined
  ) {
    throw new Error(
      'say portico conformance <url> [--user <user> --password <password>] [--json] ' +
        '[--login <path> --session <path> --logout <path> --field "<name>: <value>"]',
    );
  }
  const { login, session, logout, user, password, json } = values;
  return { options: { url, login, session, logout, field: [name, value], user, password }, json };
}
