import { setTimeout as delay } from 'node:timers/promises';
import {
  type DurableEventHub,
  type HubMessage,
  type Position,
  PositionGone,
} from '@portico/change-stream/hub/event-hub.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { beginPart } from './begin-part.ts';
import type { Lake } from './lake.ts';
import type { Segment } from './segment.ts';
import { type OpenSegment, openSegment } from './write-segment.ts';

export interface WriteLakeOptions {
  readonly hub: DurableEventHub;
  readonly lake: Lake;
  /** A segment is closed when it holds so much, before compression; by then it may hold one batch of the hub more (4 MB). */
  readonly maxBytes: number;
  /** Or when it was begun so long ago. */
  readonly maxAgeMs: number;
  readonly log: Logger;
  readonly onSealed?: (segment: Segment) => void;
  /** Told why it can't go on, and undefined when it does. */
  readonly onProblem?: (problem: string | undefined) => void;
}

/** Under this name the hub keeps what the lake doesn't have yet. */
export const consumer = 'lake';

const longestPauseMs = 10_000;

/**
 * Follows the hub and writes all of its records into the lake, each once, until the signal aborts. It skips nothing: what it
 * can't write, or what the hub doesn't have any more, stops it there, and it tries again, with growing pauses.
 *  1. Where the lake ends in the hub's epoch, or the begin of a new part. The hub keeps everything from there.
 *  2. Follow; records go into a segment, which is sealed when it is large or old enough.
 *  3. The manifest names it, which is also where the next start goes on; then the hub need not keep it any more.
 * Before step 3 nothing counts, and the next start asks the hub for it again.
 */
export async function writeLake(options: WriteLakeOptions, signal: AbortSignal): Promise<void> {
  const { log, onProblem } = options;
  let failures = 0;
  let isGone = false;
  while (!signal.aborted) {
    try {
      const from = await placeIn(options);
      // Of a position that is gone the hub tells only who follows it.
      if (!isGone) onProblem?.(undefined);
      const onSealed = (segment: Segment) => {
        failures = 0;
        options.onSealed?.(segment);
      };
      await follow({ ...options, onSealed }, from, signal);
    } catch (error) {
      failures += 1;
      isGone = error instanceof PositionGone;
      onProblem?.(problemOf(error as Error));
      log.error({ err: error, failures }, 'the lake can not be written, and is tried again');
    }
    await delay(Math.min(100 * 2 ** failures, longestPauseMs), undefined, { signal }).catch(() => {});
  }
}

/** What has to be done about a position that is gone nobody but an operator can say. */
function problemOf(error: Error): string {
  if (!(error instanceof PositionGone)) return error.message;
  return `the hub does not go on where the lake ends (${error.message}): portico hub renew-epoch begins a new part`;
}

/** Step 1. */
async function placeIn({ hub, lake, log }: WriteLakeOptions): Promise<Position> {
  const { epoch } = await hub.range();
  const end = lake.manifest.end();
  if (end?.epoch !== epoch) return beginPart({ hub, lake, log, consumer });
  await hub.keepFor(consumer, end);
  return end;
}

/** Steps 2 and 3. */
async function follow(options: WriteLakeOptions, from: Position, signal: AbortSignal): Promise<void> {
  const { hub, lake, maxBytes, maxAgeMs, log, onSealed, onProblem } = options;
  const { epoch } = from;
  const failed = new AbortController();
  let open: OpenSegment | undefined;
  let age: NodeJS.Timeout | undefined;
  let next = from.number + 1;

  const seal = async () => {
    if (open === undefined) return;
    clearTimeout(age);
    const segment = await open.seal();
    open = undefined;
    lake.manifest.add(segment);
    onSealed?.(segment);
    await hub
      .keepFor(consumer, { epoch, number: segment.last, mark: segment.lastMark })
      .catch((error: unknown) => {
        log.warn({ err: error }, 'the hub keeps more for the lake than it needs');
      });
  };
  const add = async (messages: readonly HubMessage[]) => {
    onProblem?.(undefined);
    const records = messages.flatMap((message) => (message.kind === 'record' ? [message.record] : []));
    if (records.length === 0) return;
    if (open === undefined) {
      open = await openSegment(lake.folder, epoch, next);
      age = setTimeout(() => void inTurn(seal).catch((error) => failed.abort(error)), maxAgeMs);
    }
    await open.add(records);
    next += records.length;
    if (open.bytes >= maxBytes) await seal();
  };
  const inTurn = createTurns();

  const ending = AbortSignal.any([signal, failed.signal]);
  try {
    // Whatever ended it, what came until then is sealed; after a failure of our own this fails with that.
    await hub.tail(from, (messages) => inTurn(() => add(messages)), ending).finally(() => inTurn(seal));
  } finally {
    clearTimeout(age);
    await inTurn(async () => {}).catch(() => open?.abandon());
  }
}

/** Runs one piece of work after the other. After one that failed no other is begun: what it left is in no good order. */
function createTurns(): (work: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  return (work) => {
    last = last.then(work);
    return last;
  };
}
