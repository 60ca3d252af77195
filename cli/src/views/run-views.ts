import { parseArgs } from 'node:util';
import { readDemo } from '../read-demo.ts';
import { rebuildByAdmin } from './rebuild-by-admin.ts';
import { showView } from './show-view.ts';

export interface ViewsOutput {
  /** What was asked for. */
  readonly write: (text: string) => void;
  /** How it goes, and what is wrong: a line. */
  readonly tell: (line: string) => void;
}

const usage =
  'say portico views rebuild <bff> <view> [--admin <url>], or portico views show <bff> <view> <key> [--at <number or time>] [--epoch <epoch>]';

/**
 * `portico views rebuild|show`.
 * @returns the exit code: 1 when the view can't be rebuilt or shown as things are
 * @throws Error with one line about what was asked
 */
export async function runViews(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  output: ViewsOutput,
): Promise<number> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { admin: text, at: text, epoch: text },
    allowPositionals: true,
  });
  const [action, bff, view, key, ...others] = positionals;
  const { admin, at, epoch } = values;
  if (bff === undefined || view === undefined || others.length > 0) throw new Error(usage);
  if (action === 'rebuild' && key === undefined && at === undefined && epoch === undefined) {
    return rebuildByAdmin({ admin: admin ?? adminOf(bff, env), bff, view }, output);
  }
  if (action !== 'show' || key === undefined || admin !== undefined) throw new Error(usage);
  return showView({ bff, view, key, at, epoch }, env, output);
}

/** @throws Error that says what to say instead */
function adminOf(bff: string, env: NodeJS.ProcessEnv): string {
  const demo = readDemo(env);
  const found = demo?.processes.find(({ name }) => name === bff)?.admin;
  if (found !== undefined) return found;
  const where =
    demo === undefined ? 'there is no demo.json in PORTICO_DATA_DIR' : `no process ${bff} is in demo.json`;
  throw new Error(`${where}: say where the BFF is, by --admin http://127.0.0.1:<its ADMIN_PORT>`);
}
