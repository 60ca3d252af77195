import { setTimeout as delay } from 'node:timers/promises';
import type { EventSource } from '@portico/contracts/events/change-event.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { SourceCaptureMetrics } from '../capture/capture-metrics.ts';
import type { Capture, CaptureState } from '../capture/create-capture.ts';
import type { EventHub, SourceOffset, SourceWriter } from '../hub/event-hub.ts';
import { type EventTracing, traceAppends } from '../hub/trace-records.ts';
import type { PersonalKeys } from '../personal/personal-keys.ts';
import { sealAppends } from '../personal/seal-appends.ts';
import type { Posted, PostedPlace } from './posted-events.ts';
import { toAppend } from './to-append.ts';

export interface InboxOptions {
  readonly source: EventSource;
  readonly hub: Pick<EventHub, 'writer'>;
  /** What personal fields are encrypted with; they are withheld when left out. */
  readonly personalKeys?: PersonalKeys | undefined;
  readonly log: Logger;
  readonly metrics: SourceCaptureMetrics;
  /** Records what is appended of traces; nothing is recorded when left out. */
  readonly tracing?: EventTracing;
  /** How long after a failure the place at the hub is asked for again, in milliseconds. */
  readonly retryMs?: number;
}

/** Takes what one service posts into the hub. */
export interface SourceInbox extends Capture {
  /**
   * Stores what the hub does not have yet, one post after the other.
   * @returns how far the hub has stored the log of this post
   * @throws Problem `unavailable`, with `Retry-After`, where another process takes the posts of this source, or the hub is
   * away: then nobody knows what is stored, and the same can be posted again.
   */
  take(post: Posted): Promise<PostedPlace>;
}

/** How many posts of one source may wait for the hub. */
const mostWaiting = 8;

/** Another one takes the posts when the writer's place isn't free within that. */
const standbyMs = 1_000;

interface Place {
  readonly writer: SourceWriter;
  stored: SourceOffset | undefined;
  readonly lose: (error: unknown) => void;
}

/** Holds the writer's place of a source, or waits for it, until `close`. */
export function createSourceInbox(options: InboxOptions): SourceInbox {
  const { hub, personalKeys: keys, log, metrics, tracing, retryMs = 200 } = options;
  const { source } = options.source;
  const closing = new AbortController();
  const { signal } = closing;
  let state: CaptureState = { name: 'starting' };
  let place: Place | undefined;
  let waiting = 0;
  let before: Promise<unknown> = Promise.resolve();

  const enter = (name: CaptureState['name'], problem?: string) => {
    if (state.name === name && state.problem === problem) return;
    state = problem === undefined ? { name } : { name, problem };
    metrics.state(name);
    log[name === 'away' ? 'warn' : 'info']({ source, ...(problem && { problem }) }, `posting is ${name}`);
  };

  /** Ends when the place is lost. */
  async function hold(): Promise<void> {
    const timer = setTimeout(() => enter('standby'), standbyMs);
    const writer = await hub.writer(source, signal).finally(() => clearTimeout(timer));
    try {
      signal.throwIfAborted();
      const sealing = await sealAppends(traceAppends(writer, tracing), { source: options.source, keys });
      const lost = new Promise<never>((_, reject) => {
        place = { writer: sealing, stored: writer.stored, lose: reject };
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      enter('following');
      await lost;
    } finally {
      place = undefined;
      await before.catch(() => {});
      await writer.release().catch(() => {});
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await hold().catch((error: unknown) => {
        if (!signal.aborted) enter('away', `${error instanceof Error ? error.message : error}`);
      });
      await delay(retryMs, undefined, { signal }).catch(() => {});
    }
  }

  async function store(post: Posted): Promise<PostedPlace> {
    if (place === undefined) throw notHere('Another process takes the events of this source at the moment.');
    const held = place;
    const { records, progress, end } = toAppend(source, held.stored, post);
    try {
      await held.writer.append(records, progress);
    } catch (error) {
      held.lose(error);
      place = undefined;
      throw notHere('The events could not be stored.', error);
    }
    held.stored = end;
    const events = records.flatMap((record) => record.events);
    metrics.stored({
      records: records.length,
      events: events.length,
      bytes: events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0),
      committedAt: progress?.committedAt,
    });
    return { log: post.log, sequence: end.at };
  }

  metrics.state(state.name);
  const running = run();
  return {
    source,
    get state() {
      return state;
    },
    take: async (post) => {
      if (waiting >= mostWaiting) throw notHere('Too many posts of this source wait for the hub.');
      waiting += 1;
      const turn = before
        .then(() => store(post))
        .finally(() => {
          waiting -= 1;
        });
      before = turn.catch(() => {});
      return turn;
    },
    close: async () => {
      closing.abort();
      await running;
    },
  };
}

function notHere(detail: string, cause?: unknown): Problem {
  return new Problem('unavailable', detail, { headers: { 'Retry-After': '1' }, cause });
}
