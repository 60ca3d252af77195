#!/usr/bin/env node
// Everything else is imported once a command needs it: an older Node must be able to read this file and say what it is.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Command {
  readonly summary: string;
  readonly run: (args: readonly string[]) => Promise<void> | void;
}

const commands: Readonly<Record<string, Command>> = {
  demo: { summary: 'start the whole demo, in a clone of the repository', run: startDemo },
  gateway: { summary: 'start the gateway alone: gateway --config <file>', run: startGateway },
  capture: {
    summary: 'bring what the services commit into the hub; capture resnapshot <service> begins one anew',
    run: startCapture,
  },
  hub: {
    summary: 'look after the hub: hub renew-epoch after a restore from a copy, hub forget <consumer>',
    run: async (args) => {
      const { runHub } = await import('@portico/change-stream/hub/run-hub.ts');
      process.stdout.write(`${await runHub(args, process.env)}\n`);
    },
  },
  lake: {
    summary:
      'everything that the hub ever held: lake write, lake verify, lake query "<sql>" [--json], lake replay [--from --to --source --type --personal]',
    run: startLake,
  },
  faults: {
    summary:
      'events that are set aside: faults list, faults show|resubmit|discard <id> [--json] [--admin <url>]',
    run: async (args) => {
      const { runFaults } = await import('./faults/run-faults.ts');
      process.exitCode = await runFaults(args, process.env, {
        write: (text) => void process.stdout.write(text),
        complain: (line) => void process.stderr.write(`${line}\n`),
      });
    },
  },
  views: {
    summary:
      'what BFFs know from events: views rebuild <bff> <view>, views show <bff> <view> <key> [--at <number or time>]',
    run: startViews,
  },
  forget: {
    summary: 'have a customer forgotten, as an operator: forget <customer> [--as root] [--password demo]',
    run: async (args) => {
      const { runForget } = await import('./forget.ts');
      process.stdout.write(`${await runForget(args, process.env)}\n`);
    },
  },
  routes: {
    summary: 'read a gateway.yaml: routes check, routes explain <method> <url>',
    run: async (args) => {
      const { runRoutes } = await import('./routes.ts');
      process.exitCode = runRoutes(args, process.env);
    },
  },
  mock: {
    summary: 'play a service from its OpenAPI document alone: portico mock <openapi file> [--port N]',
    run: async (args) => (await import('./mock/run-mock.ts')).runMock(args, process.env),
  },
  conformance: {
    summary:
      'check any BFF against OAuth 2.0 for Browser-Based Applications: conformance <url> [--user ada --password demo] [--json]',
    run: async (args) => {
      const { runConformance } = await import('./conformance/run-conformance.ts');
      process.exitCode = await runConformance(args, (text) => void process.stdout.write(text));
    },
  },
  token: {
    summary: 'print an access token for a user of the demo: token <user> [--password demo]',
    run: async (args) => {
      const { printToken } = await import('./token/print-token.ts');
      process.exitCode = await printToken({
        args,
        env: process.env,
        write: (text) => void process.stdout.write(text),
        complain: (line) => void process.stderr.write(`${line}\n`),
      });
    },
  },
};

const help = `Usage: portico <command>

Commands:
${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join('\n')}

Settings come from the environment; README.md lists them.
`;

function startDemo(args: readonly string[]): void {
  const program = fileURLToPath(new URL('../../demo/src/main.ts', import.meta.url));
  if (!existsSync(program))
    throw new Error('the demo is not part of the installed command; clone the repository and run npm start');
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Ctrl-C reaches the demo through the terminal; what is sent to us alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code) => process.exit(code ?? 1));
}

async function startGateway(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new Error('say which file: portico gateway --config gateway.yaml');
  process.env.PORTICO_CONFIG = resolve(values.config);
  await import('@portico/gateway/main.ts');
}

async function startCapture(args: readonly string[]): Promise<void> {
  const [action, service, ...others] = args;
  if (action === undefined) return void (await import('@portico/change-stream/capture/main.ts'));
  if (action !== 'resnapshot' || service === undefined || others.length > 0) {
    throw new Error('say portico capture, or portico capture resnapshot <service>');
  }
  const { runResnapshot } = await import('@portico/change-stream/capture/run-resnapshot.ts');
  await runResnapshot(service, process.env);
}

async function startLake(args: readonly string[]): Promise<void> {
  if (args[0] === 'write' && args.length === 1) return void (await import('@portico/event-lake/main.ts'));
  const { runLake } = await import('@portico/event-lake/run-lake.ts');
  process.exitCode = await runLake(args, process.env, process);
}

async function startViews(args: readonly string[]): Promise<void> {
  const { runViews } = await import('./views/run-views.ts');
  process.exitCode = await runViews(args, process.env, {
    write: (text) => void process.stdout.write(text),
    tell: (line) => void process.stderr.write(`${line}\n`),
  });
}

const [name = '--help', ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`portico: needs Node 24 or newer, and this is ${process.version}\n`);
  process.exitCode = 2;
} else if (command !== undefined && !args.includes('--help')) {
  try {
    await command.run(args);
  } catch (error) {
    process.stderr.write(`portico: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
} else if (command !== undefined || name === '--help' || name === '-h' || name === 'help') {
  process.stdout.write(help);
} else {
  process.stderr.write(`portico: there is no command ${JSON.stringify(name)}\n\n${help}`);
  process.exitCode = 2;
}
