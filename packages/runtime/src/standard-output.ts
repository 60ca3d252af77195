import { writeSync } from 'node:fs';
import process from 'node:process';
import { createLineBuffer, type LineBuffer } from './line-buffer.ts';

const stdout = 1;
const sizes = { batchBytes: 32_768, capacityBytes: 4_194_304, maxWaitMs: 250 };

/** How long and how often an exiting process waits for somebody to take its last lines. */
const lastWaitMs = 20;
const lastWaits = 50;

/**
 * Standard output for lines of a log: written within a quarter of a second, and before the process exits, however it comes
 * to that. Whoever reads them and stops holds up nothing, as far as his pipe is one that doesn't block.
 */
export function createStandardOutput(): LineBuffer {
  const lines = createLineBuffer(writeToStdout, sizes);
  process.once('exit', () => {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    for (let waits = 0; !lines.flush() && waits < lastWaits; waits += 1)
      Atomics.wait(clock, 0, 0, lastWaitMs);
  });
  return lines;
}

function writeToStdout(bytes: Uint8Array): number {
  try {
    return writeSync(stdout, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Any other failure is for good: nobody reads any more (EPIPE), or there is no room on the disk.
    return code === 'EAGAIN' ? 0 : bytes.length;
  }
}
