import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

/** The path of a Chromium or Chrome on PATH; undefined when there is none, so that a test can say that it skips for that. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return ['chromium', 'chromium-browser', 'google-chrome']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts a browser that reaches this machine alone.
 * @param netLog the file in which it writes down all that it sends and is given; whole when the browser has been closed
 */
export function startChromium(executablePath: string, netLog: string): Promise<Browser> {
  const args = [
    `--log-net-log=${netLog}`,
    '--net-log-capture-mode=Everything',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ];
  return chromium.launch({ executablePath, args });
}

/** Calls a function of a script that runs in the page. */
export function call<Result>(page: Page, name: string, ...args: readonly unknown[]): Promise<Result> {
  return page.evaluate(`${name}(...${JSON.stringify(args)})`);
}
