import type { Response } from 'express';
import { contextOf } from './http-app.ts';
import { Gauge, type Metrics, routeLabel } from './metrics.ts';
import { createStreamPlaces, type StreamLimits } from './stream-places.ts';
import type { Tracing } from './tracing.ts';

/** One event of a stream (HTML Living Standard, section 9.2). */
export interface StreamEvent {
  /** `message` when left out. */
  readonly event?: string;
  /** What a client sends as `Last-Event-ID` when it comes back. */
  readonly id?: string | undefined;
  /** One line. */
  readonly data: string;
  /** W3C Trace Context of what has just happened that it tells. */
  readonly traceparent?: string | undefined;
}

/** Makes the events of a stream; the signal aborts when nobody takes them any more. */
export type BeginStream = (signal: AbortSignal) => AsyncIterable<StreamEvent>;

/** The event streams that a process answers with. */
export interface EventStreams {
  /**
   * Answers with a stream, until its events end, its client leaves or the process is told to stop. It never rejects.
   * @throws Problem at once where there are too many
   */
  send(res: Response, begin: BeginStream): Promise<void>;
  /** Ends all streams, and at once every one that begins from now on: their clients come back to another process. */
  leave(): void;
}

export interface EventStreamsOptions extends Partial<StreamLimits> {
  /** Shows how many are open; nothing does when left out. */
  readonly metrics?: Pick<Metrics, 'registry'> | undefined;
  /** Records when an event of a trace is sent; nothing is recorded when left out. */
  readonly tracing?: Pick<Tracing, 'beginEvents'> | undefined;
  /** A comment is sent so often, in milliseconds: well below the 30 s after which a gateway takes a stream for dead. */
  readonly keepAliveMs?: number;
  /** A stream ends after so long, in milliseconds: who comes back shows that he may still read it. */
  readonly maxOpenMs?: number;
}

export function createEventStreams(options: EventStreamsOptions = {}): EventStreams {
  const { keepAliveMs = 10_000, maxOpenMs = 900_000, tracing, metrics } = options;
  const { maxOpen = 5_000, maxOfClient = 200 } = options;
  const places = createStreamPlaces({ maxOpen, maxOfClient });
  const leaving = new AbortController();
  if (metrics !== undefined) {
    new Gauge({
      name: 'portico_event_streams',
      help: 'Event streams that are open',
      registers: [metrics.registry],
      collect() {
        this.set(places.open());
      },
    });
  }

  const write = async (res: Response, begin: BeginStream, leave: () => void) => {
    const gone = new AbortController();
    res.once('close', () => gone.abort(new Error('the client has gone')));
    const signal = AbortSignal.any([gone.signal, leaving.signal]);
    const keepAlive = setInterval(() => {
      if (!res.writableNeedDrain) res.write(':\n\n');
    }, keepAliveMs);
    const end = setTimeout(() => gone.abort(new Error('the time of the stream is over')), maxOpenMs);
    // Tells the client, and everybody in between, that the stream has begun.
    res.write(':\n\n');
    try {
      if (!signal.aborted) await writeEvents(res, begin(signal), signal, tracing);
    } catch (error) {
      if (!signal.aborted) contextOf(res).log.error({ err: error }, 'an event stream broke off');
    } finally {
      clearInterval(keepAlive);
      clearTimeout(end);
      leave();
      res.end();
    }
  };

  return {
    leave: () => leaving.abort(new Error('the process stops')),
    send: (res, begin) => {
      const leave = places.take(res);
      res.setHeader('Content-Type', 'text/event-stream');
      // No transformation: compression would hold events back.
      res.setHeader('Cache-Control', 'private, no-store, no-transform');
      if (res.req.method !== 'HEAD') return write(res, begin, leave);
      leave();
      res.end();
      return Promise.resolve();
    },
  };
}

async function writeEvents(
  res: Response,
  events: AsyncIterable<StreamEvent>,
  signal: AbortSignal,
  tracing: EventStreamsOptions['tracing'],
): Promise<void> {
  for await (const event of events) {
    if (signal.aborted) return;
    const span = beginSend(event, res, tracing);
    // Called once the connection has taken it.
    const isTaken = res.write(toText(event), (error) => span?.end({ error: error ?? undefined }));
    if (!isTaken) await drained(res, signal);
  }
}

/** In the trace of what has happened; the stream itself is a request of another one. */
function beginSend({ traceparent }: StreamEvent, res: Response, tracing: EventStreamsOptions['tracing']) {
  if (tracing === undefined || traceparent === undefined) return undefined;
  const link = contextOf(res).traceparent;
  return tracing.beginEvents(traceparent, {
    operation: 'send',
    destination: routeLabel(res),
    count: 1,
    link,
  });
}

/** In one piece, so that a stream that is cut has an event or has it not. */
function toText({ event, id, data }: StreamEvent): string {
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    `data: ${data}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

function drained(res: Response, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    res.once('drain', done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
