import { readFileSync } from 'node:fs';

/** One request of the browser, and what came of it. */
export interface Exchange {
  readonly url: string;
  readonly method: string;
  /** The origin of the page that brought it about. */
  readonly initiator: string;
  /** Lines, as `name: value`. */
  readonly sent: string[];
  readonly status: number;
  readonly received: string[];
  /** As a page sees it: not compressed, not in chunks. */
  readonly body: Buffer;
}

export interface NetLog {
  readonly exchanges: readonly Exchange[];
  /** The whole log, and all bytes in it as they are. */
  readonly everything: Buffer;
}

interface Event {
  readonly type: number;
  readonly source: { readonly id: number };
  readonly params?: {
    readonly url?: string;
    readonly method?: string;
    readonly initiator?: string;
    readonly headers?: readonly string[];
    /** In base64. */
    readonly bytes?: string;
  };
}

/** Reads what a Chromium, which has been closed, has written down of all that it sent and was given (`--log-net-log`). */
export function readNetLog(path: string): NetLog {
  const text = readFileSync(path);
  const { constants, events } = JSON.parse(text.toString()) as {
    constants: { logEventTypes: Readonly<Record<string, number>> };
    events: readonly Event[];
  };
  const names = new Map(Object.entries(constants.logEventTypes).map(([name, type]) => [type, name]));
  /** The bytes of each request and connection come in pieces, which may be cut anywhere. */
  const pieces = new Map<string, Buffer[]>();
  const exchanges = new Map<number, { -readonly [Name in keyof Exchange]: Exchange[Name] }[]>();
  for (const { type, source, params } of events) {
    if (params === undefined) continue;
    const { url, method = '', initiator = '', headers = [], bytes } = params;
    const own = exchanges.get(source.id) ?? [];
    const latest = own.at(-1);
    const piece = Buffer.from(bytes ?? '', 'base64');
    if (bytes !== undefined) {
      const key = `${source.id} ${type}`;
      pieces.set(key, [...(pieces.get(key) ?? []), piece]);
    }
    switch (names.get(type)) {
      case 'URL_REQUEST_START_JOB':
        // A redirect begins another one in the same source.
        if (url === undefined) break;
        own.push({ url, method, initiator, sent: [], status: 0, received: [], body: Buffer.alloc(0) });
        exchanges.set(source.id, own);
        break;
      case 'HTTP_TRANSACTION_SEND_REQUEST_HEADERS':
        latest?.sent.push(...headers);
        break;
      case 'HTTP_TRANSACTION_READ_RESPONSE_HEADERS':
        if (latest === undefined) break;
        latest.status = Number(headers[0]?.split(' ')[1]);
        latest.received.push(...headers);
        break;
      case 'URL_REQUEST_JOB_FILTERED_BYTES_READ':
        if (latest !== undefined) latest.body = Buffer.concat([latest.body, piece]);
    }
  }
  return {
    exchanges: [...exchanges.values()].flat(),
    everything: Buffer.concat([text, ...[...pieces.values()].flat()]),
  };
}
