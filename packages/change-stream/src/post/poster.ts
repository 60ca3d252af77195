import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@portico/runtime/log.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import type { OutboxPage, OutboxPages } from './outbox.ts';
import { type PostedPlace, toPostedProgress } from './posted-events.ts';

export interface PosterOptions {
  /** The service's name. */
  readonly source: string;
  readonly outbox: OutboxPages;
  /** Of the processes that may take the posts, such as `http://127.0.0.1:4100`; one after the other is tried. */
  readonly urls: readonly string[];
  readonly secret: string;
  readonly log: Logger;
  /** How often it is said how far everything is told, in milliseconds. */
  readonly heartbeatMs?: number;
  /** The time of one post, in milliseconds. */
  readonly timeoutMs?: number;
  /** Waits before a post that failed is tried again. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Posts what an outbox holds. */
export interface Poster {
  /** Something new is in the outbox: posts it now, not with the next heartbeat. */
  wake(): void;
  close(): Promise<void>;
}

/** How many bytes of events one post has, and so how many are in memory; one commit may have more. */
const mostBytes = 256 * 1024;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** A post that will be refused as often as it is sent. */
class Refused extends Error {}

/**
 * From now until `close`, posts what the outbox holds, in order, and how far that is:
 *  1. Read the first commits that were not told, and the end, in one statement.
 *  2. Post them; if they reach the end, with the progress. Again, after a pause, until it is answered.
 *  3. Let go of what was told, and begin at 1: at once if there is more or the service committed, else after `heartbeatMs`.
 * A post that is refused for what it says is let go of: its numbers are missing then, and so everything counts as changed.
 */
export function createPoster(options: PosterOptions): Poster {
  const {
    source,
    outbox,
    urls,
    secret,
    log,
    heartbeatMs = 250,
    timeoutMs = 2_000,
    pause = pauseFor,
  } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const outage = createOutageLog(log, {
    down: 'what changed can not be told',
    up: 'what changed is told again',
  });
  let wake = () => {};
  let failures = 0;

  async function post(events: string): Promise<PostedPlace> {
    const url = new URL(`/events/${source}`, urls[failures % urls.length]);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/cloudevents-batch+json', Authorization: `Bearer ${secret}` },
      body: events,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const text = await answer.text();
    if (answer.status === 200) return JSON.parse(text);
    const said = `${url.host} answered ${answer.status}: ${text.slice(0, 300)}`;
    throw answer.status === 400 || answer.status === 413 ? new Refused(said) : new Error(said);
  }

  /** Whether all that there was is told. */
  async function tell(): Promise<boolean> {
    const page = await outbox.read(mostBytes);
    const { log: name, last, commits } = page;
    const end = commits.at(-1)?.sequence;
    const isAll = end === undefined || end === last;
    try {
      const stored = await post(toBatch(source, page, isAll));
      const isAhead = stored.log === name && BigInt(stored.sequence) > BigInt(last);
      if (isAhead && (await outbox.renewIfBehind(name, stored.sequence))) {
        log.warn({ last, stored }, 'the store is older than what was told: everything counts as changed');
        return false;
      }
    } catch (error) {
      if (!(error instanceof Refused) || end === undefined) throw error;
      log.error({ err: error }, 'what changed was refused: everything counts as changed');
    }
    if (end !== undefined) await outbox.drop(end);
    return isAll;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      try {
        const isAll = await tell();
        failures = 0;
        outage.up();
        if (isAll) await restUntil(woken);
      } catch (error) {
        if (signal.aborted) return;
        outage.down(error instanceof Error ? error.message : String(error));
        const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
        failures += 1;
        await pause(pauseMs, signal).catch(() => {});
      }
    }
  }

  async function restUntil(woken: Promise<void>): Promise<void> {
    const rested = new AbortController();
    const ending = AbortSignal.any([signal, rested.signal]);
    await Promise.race([woken, delay(heartbeatMs, undefined, { signal: ending }).catch(() => {})]);
    rested.abort();
  }

  const running = run();
  return {
    wake: () => wake(),
    close: async () => {
      closing.abort();
      await running;
    },
  };
}

/** Lists of JSON, joined to one. */
function toBatch(source: string, { log, last, at, commits }: OutboxPage, isAll: boolean): string {
  const lists = commits.map(({ events }) => events.slice(1, -1));
  const progress = isAll ? [JSON.stringify(toPostedProgress(source, { log, sequence: last }, at))] : [];
  return `[${[...lists, ...progress].join(',')}]`;
}

const pauseFor = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal });
