import { type DestinationStream, type Logger, pino } from 'pino';
import { createIsoClock } from './iso-clock.ts';
import { createStandardOutput } from './standard-output.ts';

export type { Logger };

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
  return pino(settings, options.destination ?? createStandardOutput());
}

/** A logger that says nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
