import type { Random } from '@portico/runtime/seeded-random.ts';

/** A request made at random. */
export interface FuzzRequest {
  readonly id: number;
  readonly method: string;
  readonly target: string;
  readonly bytes: string;
  /** What is in its body, however it is framed. */
  readonly body: string;
  /** Nothing about it is unusual: it is forwarded. */
  readonly plain: boolean;
  /** Bytes were changed at random: where it ends, nobody can say. */
  readonly damaged: boolean;
}

const methods = ['GET', 'GET', 'GET', 'GET', 'POST', 'POST', 'POST', 'HEAD'];
const oddMethods = [
  'PUT',
  'DELETE',
  'TRACE',
  'OPTIONS',
  'CONNECT',
  'PROPFIND',
  'get',
  'BREW',
  'G\0T',
  '',
  'PRI',
];
const paths = ['/graphql', '/api/v1/home', '/api/v1/products/p1', '/api/openapi.json', '/api/docs/a.js'];
const oddPieces = [
  ...[
    '/../',
    '/./',
    '//',
    '\\',
    '%2e%2e/',
    '%2f',
    '%5c',
    '%00',
    '%',
    '%zz',
    '%25',
    '%c0%ae',
    ';a=b',
    '#',
    ' ',
  ],
  ...[
    '\x7f',
    '\xe9',
    '\t',
    '\r',
    '\n',
    '\0',
    'http://evil.test/',
    '*',
    '@',
    ':80',
    '%E2%82%AC',
    '~',
    '"',
    '<',
    '|',
  ],
];
const oddVersions = [
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/',
  '',
  'ICE/1.0',
];
const oddHosts = ['', 'a b', 'a/b', 'u@a', '[::1]:80', 'a:99999', 'a:', 'a,b', '\xff', 'a\0', '"><script>'];
const names = [
  ...[
    'Accept',
    'Accept-Language',
    'User-Agent',
    'Cache-Control',
    'If-None-Match',
    'Content-Type',
    'X-App-Version',
  ],
  ...[
    'Cookie',
    'Authorization',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Real-IP',
    'Forwarded',
    'Via',
    'TE',
    'Trailer',
  ],
  ...[
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Upgrade',
    'Expect',
    'X_Forwarded_For',
    'Content_Length',
  ],
  ...[
    'Transfer_Encoding',
    'Portico-Customer',
    'Portico-Timeout-Ms',
    'X-Request-Id',
    'traceparent',
    'tracestate',
  ],
  ...['X-HTTP-Method-Override', 'X-Original-URL', 'Range', 'Origin', 'Prefer', 'HTTP2-Settings', 'Host'],
];
const oddNames = ['', ' ', 'A B', 'A\0', 'A\x01', '\xe9', 'A(', 'A ', 'A\t', '\rA', '\nA', ' A'];
const values = [
  ...[
    'x',
    '',
    '*/*',
    'application/json',
    'close',
    'keep-alive',
    'upgrade',
    'h2c',
    'websocket',
    '100-continue',
    'tea',
  ],
  ...[
    'trailers',
    'Host',
    'Content-Length',
    'X-App-Version',
    '1.1 other',
    '1.2.3.4',
    'a=b; c=d',
    'W/"x"',
    '0',
    '\xff\xfe',
  ],
];
const oddValues = ['a\0b', 'a\rb', 'a\nb', 'a\r\n b', 'a\x01', 'a\x7f', 'x'.repeat(20_000), '\x0b', '\r'];
const oddFraming = [
  ...[
    'Content-Length: 5\r\nContent-Length: 6',
    'Content-Length: +5',
    'Content-Length: 0x5',
    'Content-Length: 5,5',
  ],
  ...[
    'Content-Length: -5',
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    'Content-Length: ',
    'Content-Length: 5 5',
  ],
  ...[
    'Transfer-Encoding: chunked\r\nContent-Length: 5',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: identity',
  ],
  ...['Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked, chunked'],
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: \x0bchunked',
    'Content-Length : 5',
    'Content-Length: 5\r\n 5',
  ],
  ...['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Content-Length: 99999999999999999999999'],
];
/** A request that nobody may take for one. */
const smuggled = 'GET /graphql?smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

/**
 * @param calm only such requests of which it is known where they end, and nothing in them that looks like another
 */
export function makeRequest(random: Random, id: number, calm: boolean): FuzzRequest {
  const chance = (share: number) => random() < share;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const damaged = calm && chance(0.05);
  let plain = !damaged;
  // What is damaged may not come to name another request.
  const query = damaged ? `damaged=${id}` : `id=${id}`;
  const odd = <T>(share: number, usual: T, unusual: () => T): T => {
    if (!chance(share)) return usual;
    plain = false;
    return unusual();
  };

  const method = odd(0.03, pick(methods), () => pick(oddMethods));
  const path = method === 'POST' ? '/graphql' : pick(paths);
  const target = odd(0.08, `${path}?${query}`, () => {
    const at = Math.floor(random() * (path.length + 1));
    return `${path.slice(0, at)}${pick(oddPieces)}${path.slice(at)}?${query}`;
  });
  const version = odd(0.02, 'HTTP/1.1', () => pick(oddVersions));
  const host = odd(0.02, 'Host: portico.test', () => `Host: ${pick(oddHosts)}`);
  const fields: string[] = [];
  while (chance(0.4)) {
    plain = false;
    const name = chance(0.03) ? pick(oddNames) : pick(names);
    fields.push(`${name}: ${chance(0.03) ? pick(oddValues) : pick(values)}`);
  }

  const bait = calm ? '' : smuggled;
  const body = method === 'POST' ? `body ${id} ${chance(0.5) ? bait : 'x'.repeat(random() * 3_000)}` : '';
  let framed = '';
  if (method === 'POST' || chance(0.02)) {
    if (method !== 'POST') plain = false;
    if (!calm && chance(0.06)) {
      plain = false;
      fields.push(pick(oddFraming));
      framed = `${chance(0.5) ? '0\r\n\r\n' : 'abcde'}${smuggled}`;
    } else if (chance(0.5)) {
      fields.push(`Content-Length: ${body.length}`);
      framed = body;
    } else {
      fields.push('Transfer-Encoding: chunked');
      framed = toChunks(random, body);
    }
  }
  const whole = `${[`${method} ${target} ${version}`, host, ...fields].join('\r\n')}\r\n\r\n${framed}`;
  const bytes = damaged ? damage(random, whole) : whole;
  return { id, method, target, bytes, body, plain, damaged };
}

function toChunks(random: Random, body: string): string {
  let chunks = '';
  for (let at = 0; at < body.length; ) {
    const size = 1 + Math.floor(random() * 1_000);
    const piece = body.slice(at, at + size);
    chunks += `${piece.length.toString(16)}${random() < 0.1 ? ';a="b"' : ''}\r\n${piece}\r\n`;
    at += size;
  }
  return `${chunks}0\r\n${random() < 0.1 ? 'X-T: 1\r\n' : ''}\r\n`;
}

/** Bytes changed, put in or taken out. */
function damage(random: Random, bytes: string): string {
  let damaged = bytes;
  for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1) {
    const at = Math.floor(random() * damaged.length);
    const byte = String.fromCharCode(Math.floor(random() * 256));
    const kept = random() < 0.5 ? 1 : 0;
    damaged = damaged.slice(0, at) + (random() < 0.7 ? byte : '') + damaged.slice(at + kept);
  }
  return damaged;
}
