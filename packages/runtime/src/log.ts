import process from 'node:process';
import { type DestinationStream, type Logger, pino } from 'pino';
import { createIsoClock } from './iso-clock.ts';
import { createLineBuffer } from './line-buffer.ts';

export type { Logger };

/** How long a line waits for others at the most, and how much is written at once. */
const batches = { maxWaitMs: 250, maxLength: 65_536 };
/** What may wait when nobody takes the lines; more are dropped, as a log that stands still must not stop the process. */
const maxWaitingBytes = 16_777_216;

/**
 * A JSON logger on standard output. Fields that carry credentials are never written, wherever a caller puts them. Lines
 * are written within a quarter of a second, and at the latest when the process exits, however it comes to that.
 */
export function createLogger(options: {
  readonly name: string;
  readonly level: string;
  readonly destination?: DestinationStream;
}): Logger {
  const isoTime = createIsoClock();
  const settings = {
    level: options.level,
    base: { process: options.name },
    timestamp: () => `,"time":"${isoTime()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: ['authorization', 'cookie', '*.authorization', '*.cookie', '*.password'], remove: true },
  };
  return pino(settings, options.destination ?? standardOutput());
}

function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxLength: maxWaitingBytes });
  const lines = createLineBuffer(output, batches);
  process.once('exit', lines.flushSync);
  // It ends by itself when the process has nothing left to do, and no line waits then.
  output.once('close', () => process.off('exit', lines.flushSync));
  return lines;
}

/** A logger that says nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
