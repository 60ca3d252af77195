import type { Writable } from 'node:stream';

/** Ends the process in peace when whoever reads what it writes has enough, as `head` has; any other failure is thrown. */
export function endWithReader(output: Writable): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}
