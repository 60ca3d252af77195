import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@portico/runtime/log.ts';
import type { EventHub } from './event-hub.ts';

export interface KeepTrimmedOptions {
  readonly hub: Pick<EventHub, 'trim'>;
  /** How long a record stays at least, in milliseconds from its commit. */
  readonly keepMs: number;
  /** Asked before each trim: of several processes at one hub one is enough, and two do no harm. */
  readonly isActive: () => boolean;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What has become old in a minute is little, so that no trim takes long. */
const everyMs = 60_000;
/** Whoever isn't active looks whether it has to take over. */
const standbyMs = 1_000;

/** Trims the begin of the hub's log now and then, until the signal aborts. A trim that fails is logged; the next one makes up for it. */
export async function keepTrimmed(options: KeepTrimmedOptions, signal: AbortSignal): Promise<void> {
  const { hub, keepMs, isActive, log, now = Date.now, pause = pauseFor } = options;
  while (!signal.aborted) {
    const active = isActive();
    try {
      if (active) await hub.trim(now() - keepMs);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'the log of the hub could not be trimmed');
    }
    await pause(active ? everyMs : standbyMs, signal).catch(() => {});
  }
}

const pauseFor = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal });
