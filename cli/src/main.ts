#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Command {
  readonly summary: string;
  readonly run: (args: readonly string[]) => Promise<void> | void;
}

const commands: Readonly<Record<string, Command>> = {
  demo: { summary: 'start the whole demo: engines, services, BFFs and gateway', run: startDemo },
  gateway: {
    summary: 'start the gateway alone, in front of WEB_URL and MOBILE_URL',
    run: async () => void (await import('@portico/gateway/main.ts')),
  },
};

const help = `Usage: portico <command>

Commands:
${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join('\n')}

Settings come from the environment; README.md lists them.
`;

function startDemo(args: readonly string[]): void {
  const program = fileURLToPath(new URL('../../demo/src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Ctrl-C reaches the demo through the terminal; what is sent to us alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code) => process.exit(code ?? 1));
}

const [name = '--help', ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command !== undefined && !args.includes('--help')) {
  await command.run(args);
} else if (command !== undefined || name === '--help' || name === '-h' || name === 'help') {
  process.stdout.write(help);
} else {
  process.stderr.write(`portico: there is no command ${JSON.stringify(name)}\n\n${help}`);
  process.exit(2);
}
