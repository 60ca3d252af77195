import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/**
 * A JSON logger on standard output. Fields that carry credentials are never written, wherever a caller puts them.
 */
export function createLogger(options: {
  readonly name: string;
  readonly level: string;
  readonly destination?: DestinationStream;
}): Logger {
  const settings = {
    level: options.level,
    base: { process: options.name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: ['authorization', 'cookie', '*.authorization', '*.cookie', '*.password'], remove: true },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** A logger that says nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
