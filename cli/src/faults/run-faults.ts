import { parseArgs } from 'node:util';
import type { Fault, FaultSummary } from '@portico/change-stream/faults/fault-desk.ts';
import { formatTable } from '@portico/event-lake/query/format-table.ts';
import { listFaults, NoAnswer, resolveFault, showFault } from './ask-process.ts';
import { type AdminProcess, findProcesses } from './find-processes.ts';

export interface FaultsOutput {
  /** What was asked for. */
  readonly write: (text: string) => void;
  /** Which processes gave no answer, and what did not succeed; one line each. */
  readonly complain: (line: string) => void;
}

interface Asked {
  readonly processes: readonly AdminProcess[];
  readonly id: string;
  readonly isJson: boolean;
  readonly output: FaultsOutput;
}

const actions: Readonly<Record<string, (asked: Asked) => Promise<number>>> = {
  list,
  show,
  resubmit: (asked) => resolve(asked, 'resubmit'),
  discard: (asked) => resolve(asked, 'discard'),
};

/**
 * `portico faults list|show|resubmit|discard`: asks every process that runs.
 * @returns the exit code: 1 where a process gave no answer, or what was asked for did not succeed
 * @throws Error with one line about what was asked
 */
export async function runFaults(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  output: FaultsOutput,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      admin: { type: 'string', multiple: true, default: [] },
    },
    allowPositionals: true,
  });
  const [name = '', id = '', ...others] = positionals;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined || others.length > 0 || (id === '') !== (name === 'list')) {
    throw new Error(
      'say portico faults list, or faults show, resubmit or discard <id>; with [--json] [--admin <url>]',
    );
  }
  return await action({ processes: findProcesses(values.admin, env), id, isJson: values.json, output });
}

interface Answer<Value> {
  readonly process: AdminProcess;
  readonly value: Value | undefined;
}

/** Asks one after the other, names those that gave no answer, and says whether all did. */
async function askAll<Value>(
  { processes, output }: Asked,
  ask: (process: AdminProcess) => Promise<Value | undefined>,
): Promise<{ readonly answers: readonly Answer<Value>[]; readonly isWhole: boolean }> {
  const answers: Answer<Value>[] = [];
  for (const process of processes) {
    try {
      answers.push({ process, value: await ask(process) });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      output.complain(error.message);
    }
  }
  return { answers, isWhole: answers.length === processes.length };
}

async function list(asked: Asked): Promise<number> {
  const { answers, isWhole } = await askAll(asked, listFaults);
  /** Several instances see the same fault of a store that they share. */
  const found = new Map<string, FaultSummary & { processes: string[] }>();
  for (const { process, value = [] } of answers) {
    for (const fault of value) {
      const known = found.get(fault.id);
      if (known === undefined) found.set(fault.id, { ...fault, processes: [process.name] });
      else known.processes.push(process.name);
    }
  }
  const faults = [...found.values()].sort((one, other) => (one.firstAt < other.firstAt ? -1 : 1));
  const { write } = asked.output;
  if (asked.isJson) write(`${JSON.stringify(faults, null, 2)}\n`);
  else if (faults.length === 0) write('no faults\n');
  else write(formatTable(columns, faults.map(toRow)));
  return isWhole ? 0 : 1;
}

const columns = ['id', 'consumer', 'event', 'since', 'tries', 'waiting', 'error', 'processes'];
const toRow = (fault: FaultSummary & { processes: readonly string[] }) => {
  const { id, consumer, event, error, firstAt, tries, waiting, processes } = fault;
  const what = `${event.type} ${event.key}`;
  return [
    id,
    consumer,
    what,
    firstAt,
    tries,
    waiting,
    `${error.name}: ${error.message}`,
    processes.join(', '),
  ].map((cell) => (typeof cell === 'string' ? printable(cell) : cell));
};

async function show(asked: Asked): Promise<number> {
  const { answers, isWhole } = await askAll(asked, (process) => showFault(process, asked.id));
  const fault = answers.find(({ value }) => value !== undefined)?.value;
  const { write } = asked.output;
  if (fault === undefined) return none(asked);
  write(asked.isJson ? `${JSON.stringify(fault, null, 2)}\n` : describe(fault));
  return isWhole ? 0 : 1;
}

function describe({ position, event, error, keys, ...fault }: Fault): string {
  const lines = {
    fault: fault.id,
    consumer: fault.consumer,
    'code version': fault.codeVersion,
    'first seen': fault.firstAt,
    'last tried': `${fault.lastAt}, ${fault.tries} in all`,
    'waiting behind it': String(fault.waiting),
    lacking: keys?.join(', ') ?? 'not known: nothing of this consumer is answered',
    record: `${position.number} of ${fault.source}, epoch ${position.epoch}`,
  };
  const head = Object.entries(lines).map(([name, text]) => `${`${name}:`.padEnd(20)}${printable(text)}\n`);
  const stack = error.stack === '' ? `${error.name}: ${error.message}` : error.stack;
  const trace = stack.split('\n').map(printable).join('\n');
  return `${head.join('')}\n${trace}\n\n${JSON.stringify(event, null, 2)}\n`;
}

/** Where several processes have the fault each is asked: of those that share a store, the first to succeed is the only one. */
async function resolve(asked: Asked, action: 'resubmit' | 'discard'): Promise<number> {
  const { id, output, isJson } = asked;
  const { answers, isWhole } = await askAll(asked, (process) => resolveFault(process, id, action));
  const resolved = answers.flatMap(({ process, value }) =>
    value ? [{ process: process.name, ...value }] : [],
  );
  if (resolved.length === 0) return none(asked);
  const left = [...new Set(resolved.flatMap((resolution) => resolution.left))];
  const open: string[] = [];
  for (const each of left) {
    // A process with other code may have repaired what failed again in this one.
    const { answers: now } = await askAll(asked, (process) => showFault(process, each));
    if (now.some(({ value }) => value !== undefined)) open.push(each);
  }
  if (isJson) output.write(`${JSON.stringify({ resolved, open }, null, 2)}\n`);
  else for (const { process, applied } of resolved) output.write(`${process}: ${applied} events applied\n`);
  for (const each of open) {
    output.complain(each === id ? `${id} failed again, and stays` : `the next fault behind ${id} is ${each}`);
  }
  return isWhole && open.length === 0 ? 0 : 1;
}

function none({ id, output }: Asked): number {
  output.complain(`no open fault has the id ${id}; portico faults list names them`);
  return 1;
}

/** What an event says must not move the cursor of a terminal. */
const printable = (text: string) => text.replace(/\p{Cc}/gu, ' ');
