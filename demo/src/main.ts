import { join } from 'node:path';
import { createRandomHex } from '@portico/runtime/random-hex.ts';
import { progressLine, readyText } from './announce.ts';
import { claimDataDir, claimPorts } from './claim.ts';
import { type DemoConfig, readDemoConfig } from './config.ts';
import { removeDemoFile, toDemoFile, writeDemoFile } from './demo-file.ts';
import { keptPassword } from './engines/kept-password.ts';
import { forkProgram } from './fork-program.ts';
import { freePorts } from './free-port.ts';
import { createProcessLogs } from './process-log.ts';
import { mostPorts, processTable } from './processes.ts';
import { createSite, serveSite } from './site.ts';
import { reportStatuses } from './status.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

/** Replaced when there is something to stop. It may be called again: Ctrl-C in a terminal reaches us twice through npm. */
let stop = (): void => process.exit(0);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop());
if (process.send !== undefined) process.on('disconnect', () => stop());
// It may have gone while our modules were loaded, before we listened.
if (process.connected === false) stop();
// When our terminal or parent is gone, what we can't say any more must not keep us from stopping.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await runDemo(readDemoConfig());
} catch (error) {
  process.stderr.write(`portico: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

/** @throws Error with one line when the demo can't start; nothing of it runs any more then. */
async function runDemo(config: DemoConfig): Promise<void> {
  const { dataDir } = config;
  const lock = await claimDataDir(dataDir);
  await claimPorts(config);
  removeDemoFile(dataDir);
  say(`Starting Portico; its data and logs are in ${dataDir}`);
  if (config.redisUrl !== undefined) say('  redis     Redis of REDIS_URL');
  if (config.mocked.length > 0) say(`  played from their OpenAPI documents: ${config.mocked.join(', ')}`);

  const supervisor = await createDemo(config);
  let stopping = false;
  stop = () => {
    if (stopping) return;
    stopping = true;
    say('Stopping');
    void supervisor.stop().then(() => {
      removeDemoFile(dataDir);
      lock.release();
      say('Stopped; the data stays');
      process.exit(0);
    });
  };
  try {
    await supervisor.start();
  } catch (error) {
    if (stopping) return;
    await supervisor.stop();
    throw error;
  }
  const contents = toDemoFile(supervisor.statuses());
  if (contents !== undefined) say(readyText(contents, dataDir));
}

async function createDemo(config: DemoConfig): Promise<Supervisor> {
  const logs = createProcessLogs(join(config.dataDir, 'logs'));
  setInterval(() => attempt(() => logs.bound()), 5000);
  const siteUrl = await serveSite(createSite(() => reportStatuses(supervisor.statuses())));
  const ports = await freePorts(mostPorts);
  // Processes start a quarter faster when they find their modules compiled.
  const tokenKey = await keptPassword(join(config.dataDir, 'tokens'));
  const masterKey = await keptPassword(join(config.dataDir, 'personal'));
  const newSecret = createRandomHex(32);
  const secrets = {
    tokenKey,
    masterKey,
    postSecret: newSecret(),
    sessionSecret: await keptPassword(join(config.dataDir, 'sessions')),
    gatewaySecret: config.oidcClientSecret ?? (await keptPassword(join(config.dataDir, 'sign-ins'))),
    // Of a provider of your own it is known already.
    ordersSecret: config.baseEnv.ORDERS_CLIENT_SECRET ?? newSecret(),
  };
  const table = processTable({ ...config, ...secrets }, () => Number(ports.pop()), siteUrl);
  const supervisor = createSupervisor(table, {
    fork: (spec, env) => forkProgram(spec, { ...config.baseEnv, ...env }, logs),
    lastComplaint: logs.lastComplaint,
    onChange: (status, detail) => {
      say(progressLine(status, detail));
      publish(config.dataDir, supervisor);
    },
  });
  return supervisor;
}

/** Brings demo.json up to date; it does not exist before everything has been ready once. */
function publish(dataDir: string, supervisor: Supervisor): void {
  const contents = toDemoFile(supervisor.statuses());
  if (contents !== undefined) attempt(() => writeDemoFile(dataDir, contents));
}

/** What goes wrong with the disk is told, and no reason to stop. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    say(`portico: ${(error as Error).message}`);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
