/**
 * `node scripts/setup.mjs <script.ts> [args]`: runs a script of this repository on a fresh clone, with nothing installed
 * but Node 20 and npm.
 *  1. Installs the dependencies (`npm ci`) when they are missing or others than package-lock.json names.
 *  2. Finds the Node that the project runs on: it comes as an npm package, for most platforms.
 *  3. Runs the script with it, passes signals on, and tells it to stop when whoever started us is gone.
 * It imports nothing that is not in Node 20.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const binDir = join(root, 'node_modules', '.bin');
const leastNode = [24, 18];

/** The child that runs now: `npm ci` first, then the script. */
let child;
let stopping = false;
watchForTheEnd();

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('which script? node scripts/setup.mjs <script.ts> [args]');
await install();
const node = findNode();
process.exit(await run(node, [join(root, script), ...args], { ipc: true }));

// 1. Dependencies

async function install() {
  if (isInstalled()) return;
  const release = await takeLock();
  try {
    // Whoever had the lock before us may have installed everything.
    if (isInstalled()) return;
    say('Installing what is missing (npm ci); the first time takes a minute or two');
    const startedAt = Date.now();
    const seconds = () => Math.round((Date.now() - startedAt) / 1000);
    const progress = setInterval(() => say(`  still installing, ${seconds()} s`), 10_000);
    const [npm, npmArgs] = npmCommand();
    const code = await run(npm, [
      ...npmArgs,
      'ci',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]);
    clearInterval(progress);
    if (stopping) process.exit(code);
    if (code !== 0)
      fail(`npm ci failed (exit code ${code}); what npm wrote above says why. Start again to try again`);
    writeFileSync(stampPath(), stamp());
    say(`Installed in ${seconds()} s`);
  } finally {
    release();
  }
}

/** What was installed last, kept inside node_modules: it goes with what it describes. */
function stampPath() {
  return join(root, 'node_modules', '.portico-installed');
}

function stamp() {
  const lockFile = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${lockFile} ${process.platform}-${process.arch}\n`;
}

function isInstalled() {
  try {
    return readFileSync(stampPath(), 'utf8') === stamp();
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** The npm that runs us, so that its version and settings stay the same; else the one on PATH. */
function npmCommand() {
  const path = process.env.npm_execpath ?? '';
  return basename(path) === 'npm-cli.js' ? [process.execPath, [path]] : ['npm', []];
}

/**
 * Lets one process install at a time, as a second `npm ci` would empty node_modules below the first. A lock file whose
 * time has stood still for 10 s belongs to a process that was killed.
 */
async function takeLock() {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const path = join(tmpdir(), `portico-setup-${name}.lock`);
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      const beat = setInterval(() => utimesSync(path, new Date(), new Date()), 1000);
      const release = () => {
        clearInterval(beat);
        rmSync(path, { force: true });
      };
      // process.exit() runs no finally.
      process.once('exit', release);
      return release;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`${path} can't be written (${error.code})`);
    }
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 10_000) rmSync(path, { force: true });
    if (!told) say('Waiting for another start that is installing');
    told = true;
    await delay(300);
  }
}

// 2. Node

function findNode() {
  const pinned = join(binDir, 'node');
  for (const candidate of [pinned, process.execPath]) {
    const { stdout } = spawnSync(candidate, ['--version'], { encoding: 'utf8' });
    if (isRecentEnough(stdout ?? '')) return candidate;
  }
  const wanted = leastNode.join('.');
  return fail(
    `Portico runs on Node ${wanted} or newer. npm has none for ${process.platform}-${process.arch}, and this is ` +
      `${process.version}: install Node 24 (https://nodejs.org) and start again`,
  );
}

function isRecentEnough(version) {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  return Number(major) > leastNode[0] || (Number(major) === leastNode[0] && Number(minor) >= leastNode[1]);
}

// 3. The script

/** Runs a program to its end; gives its exit code, as a shell would name it. */
function run(command, commandArgs, { ipc = false } = {}) {
  return new Promise((resolve) => {
    child = spawn(command, commandArgs, {
      cwd: root,
      env: { ...process.env, PATH: `${binDir}${delimiter}${process.env.PATH ?? ''}` },
      stdio: ['inherit', 'inherit', 'inherit', ...(ipc ? ['ipc'] : [])],
    });
    child.once('error', (error) => fail(`${command} can't be run (${error.message})`));
    child.once('exit', (code, signal) => resolve(signal === null ? code : 128 + constants.signals[signal]));
    if (stopping) child.kill('SIGTERM');
  });
}

/**
 * Passes on the signals that end us. After Ctrl-C the child gets its SIGINT twice, from the terminal and from us. When
 * our parent is gone (npm was killed), nobody would ever send one.
 */
function watchForTheEnd() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(signal));
  // Writing to a terminal or pipe that is gone must not end us before the child.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && end('SIGTERM'), 500).unref();
}

function end(signal) {
  stopping = true;
  if (child === undefined) process.exit(1);
  child.kill(signal);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`portico: ${text}\n`);
  process.exit(1);
}
