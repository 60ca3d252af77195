import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An event as it came; `event` is `message` where the stream names none. Comments come as `comment`. */
export interface ReadEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

export interface EventStreamReader {
  readonly status: number;
  readonly headers: Headers;
  /** The next event that is no comment; undefined at the end of the stream. */
  next(): Promise<ReadEvent | undefined>;
  /** The next event or comment; undefined at the end. */
  nextOfAny(): Promise<ReadEvent | undefined>;
  /** Cuts the connection. */
  cut(): void;
}

/** Serves an app on a free port of 127.0.0.1, with readers of its event streams. */
export async function serveEventStreams(app: RequestListener) {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    open: (target: string, init?: RequestInit) => openEventStream(`${url}${target}`, init),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Asks for a stream of events. @param init its signal cuts the connection as well */
export async function openEventStream(
  url: string,
  { signal, ...init }: RequestInit = {},
): Promise<EventStreamReader> {
  const cutting = new AbortController();
  const answer = await fetch(url, {
    ...init,
    signal: signal ? AbortSignal.any([signal, cutting.signal]) : cutting.signal,
  });
  const events = readEvents(answer);
  const nextOfAny = async () => (await events.next()).value ?? undefined;
  return {
    status: answer.status,
    headers: answer.headers,
    nextOfAny,
    next: async () => {
      for (;;) {
        const event = await nextOfAny();
        if (event?.event !== 'comment') return event;
      }
    },
    cut: () => cutting.abort(),
  };
}

async function* readEvents({ body }: Response): AsyncGenerator<ReadEvent, undefined> {
  let text = '';
  for await (const bytes of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += bytes;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) yield toEvent(block);
  }
  return undefined;
}

function toEvent(block: string): ReadEvent {
  if (block.startsWith(':')) return { event: 'comment', id: undefined, data: block.slice(1) };
  const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  return { event: fields.get('event') ?? 'message', id: fields.get('id'), data: fields.get('data') ?? '' };
}
