import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type SessionEnded, toSessionEnded } from '@portico/contracts/events/session-ended.ts';
import type { Logger } from '@portico/runtime/log.ts';
import { createOutageLog } from '@portico/runtime/outage-log.ts';
import type { UpstreamTable } from '../table/route-table.ts';
import type { SessionMetrics } from './session-metrics.ts';
import type { SessionEnd } from './sessions.ts';

/** Tells those behind the gateway that sessions have ended, so that they drop what they keep for these users alone. */
export interface SessionEnds {
  tell(end: SessionEnd): void;
  /** What can't be told within a minute is given up: those who were to hear it may be there no more. */
  retire(): void;
  close(): void;
}

export interface SessionEndsOptions {
  readonly upstreams: Readonly<Record<string, UpstreamTable>>;
  readonly log: Logger;
  readonly metrics: Pick<SessionMetrics, 'told'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** So many ends go in one post; of so many users an instance that is away is told when it is back. */
const atOnce = 500;
const mostWaiting = 10_000;
const timeoutMs = 1_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;
const retiredMs = 60_000;

/** Posts each end to each instance of the upstreams that have `sessionEnds`, until it is taken or refused there. */
export function createSessionEnds({ upstreams, log, metrics, now }: SessionEndsOptions): SessionEnds {
  const closing = new AbortController();
  let giveUpAt = Number.POSITIVE_INFINITY;

  const tellInstance = (url: string) => {
    /** The last of each user that was not told yet. */
    const waiting = new Map<string, SessionEnded>();
    const outage = createOutageLog(log, {
      down: `${url} is not told of sessions that end`,
      up: `${url} is told of sessions that end again`,
    });
    let isTelling = false;

    const tellAll = async () => {
      let pauseMs = firstPauseMs;
      while (waiting.size > 0 && !closing.signal.aborted) {
        const some = [...waiting.values()].slice(0, atOnce);
        const problem = await post(url, some, closing.signal);
        const isOver = problem === undefined || problem.isRefusal || now() >= giveUpAt;
        metrics.told.inc({ outcome: problem === undefined ? 'told' : 'failed' });
        if (problem === undefined) outage.up();
        else outage.down(problem.reason);
        if (isOver) {
          for (const end of some) if (waiting.get(end.subject) === end) waiting.delete(end.subject);
          pauseMs = firstPauseMs;
        } else {
          await delay(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
          pauseMs = Math.min(2 * pauseMs, longestPauseMs);
        }
      }
      isTelling = false;
    };
    return (end: SessionEnded) => {
      waiting.delete(end.subject);
      waiting.set(end.subject, end);
      const [oldest] = waiting.keys();
      if (waiting.size > mostWaiting && oldest !== undefined) waiting.delete(oldest);
      if (isTelling) return;
      isTelling = true;
      void tellAll();
    };
  };
  const instances = Object.values(upstreams).flatMap(({ targets, sessionEnds }) =>
    sessionEnds === undefined ? [] : targets.map((target) => tellInstance(new URL(sessionEnds, target).href)),
  );

  return {
    tell: ({ subject, reason }) => {
      const end = toSessionEnded(randomUUID(), subject, reason, now());
      for (const tellInstance of instances) tellInstance(end);
    },
    retire: () => {
      giveUpAt = now() + retiredMs;
    },
    close: () => closing.abort(),
  };
}

/** @returns what went wrong; a refusal would come again */
async function post(url: string, ends: readonly SessionEnded[], closing: AbortSignal) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(ends),
      redirect: 'manual',
      signal: AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return undefined;
    return { reason: `it answered ${answer.status}`, isRefusal: answer.status < 500 };
  } catch (error) {
    const { cause, name } = error as Error;
    return { reason: (cause as NodeJS.ErrnoException | undefined)?.code ?? name, isRefusal: false };
  }
}
