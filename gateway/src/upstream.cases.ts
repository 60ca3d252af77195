import { end, reset, type Step } from '@portico/testing/scripted-server.ts';

/** What a client sees when what is behind the gateway doesn't behave. */

export interface UpstreamCase {
  readonly name: string;
  readonly method?: 'HEAD' | 'POST';
  /** 1.1 when left out. */
  readonly version?: '1.0';
  /** What the upstream does when the head of a request has arrived. */
  readonly steps: readonly Step[];
  /** `cut`: an answer that has begun never looks complete. */
  readonly client: ExpectedAnswer | 'cut';
  /** Whether the connection to the upstream is used for the next request. */
  readonly reused?: true;
}

export interface ExpectedAnswer {
  readonly status: number;
  readonly body?: string;
  /** Values of fields that it has, those of several lines with a line feed between; undefined: none of this name. */
  readonly fields?: Readonly<Record<string, string | undefined>>;
  /** What it is told before the answer: statuses, and the links of each. */
  readonly informed?: readonly (readonly [status: number, links: string | undefined])[];
}

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const ok = (...fields: string[]) => `${head('HTTP/1.1 200 OK', 'Content-Length: 2', ...fields)}ok`;
const status = (line: string) => `${head(line, 'Content-Length: 2')}ok`;
const chunked = (body: string) => head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + body;
const evil = `${head('HTTP/1.1 200 OK', 'Content-Length: 4')}evil`;
const half = `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`;

const unusable: ExpectedAnswer = { status: 502, fields: { 'content-type': 'application/problem+json' } };
const tooLate: ExpectedAnswer = { status: 504, fields: { 'content-type': 'application/problem+json' } };
const fine: ExpectedAnswer = { status: 200, body: 'ok' };

const cookies = Array.from({ length: 50 }, (_, index) => `Set-Cookie: c${index}=1`);
const fields = Array.from({ length: 500 }, (_, index) => `X-${index}: y`);

export const upstreamCases: readonly UpstreamCase[] = [
  { name: 'a good answer', steps: [ok()], client: fine, reused: true },
  { name: 'an answer in pieces', steps: [...ok()], client: fine, reused: true },

  { name: 'the status 000', steps: [status('HTTP/1.1 000 X')], client: unusable },
  { name: 'the status 099', steps: [status('HTTP/1.1 099 X')], client: unusable },
  { name: 'the status 600', steps: [status('HTTP/1.1 600 X')], client: unusable },
  { name: 'the status 999', steps: [status('HTTP/1.1 999 X')], client: unusable },
  { name: 'a status of two digits', steps: [status('HTTP/1.1 20 X')], client: unusable },
  { name: 'a status of four digits', steps: [status('HTTP/1.1 2000 X')], client: unusable },
  { name: 'no status', steps: [status('HTTP/1.1')], client: unusable },
  { name: 'the status 101 unasked', steps: [`${head('HTTP/1.1 101 X')}${evil}`], client: unusable },
  {
    name: 'a switch of protocols unasked',
    steps: [`${head('HTTP/1.1 101 X', 'Connection: Upgrade', 'Upgrade: websocket')}\x81\x04evil`],
    client: unusable,
  },
  {
    name: 'a control byte in the reason',
    steps: [status('HTTP/1.1 200 O\x01K')],
    client: fine,
    reused: true,
  },
  { name: 'a NUL in the reason', steps: [status('HTTP/1.1 200 O\0K')], client: fine, reused: true },
  { name: 'no reason', steps: [status('HTTP/1.1 200')], client: fine, reused: true },
  { name: 'a reason of its own', steps: [status('HTTP/1.1 200 <script>')], client: fine, reused: true },

  { name: 'garbage', steps: ['\0\x01\x02 not HTTP\r\n\r\n'], client: unusable },
  { name: 'an answer of HTTP/0.9', steps: ['<html>hello</html>', end], client: unusable },
  { name: 'an answer of HTTP/2.0', steps: [status('HTTP/2.0 200 OK')], client: unusable },
  { name: 'bytes of TLS', steps: ['\x15\x03\x01\x00\x02\x02\x46', end], client: unusable },
  {
    name: 'an answer of HTTP/1.0 without a length',
    steps: [`${head('HTTP/1.0 200 OK')}ok`, end],
    client: fine,
  },
  {
    name: 'a body that ends with its connection',
    steps: [`${head('HTTP/1.1 200 OK')}ok`, end],
    client: fine,
  },

  { name: 'two lengths', steps: [ok('Content-Length: 3')], client: unusable },
  { name: 'the same length twice', steps: [ok('Content-Length: 2')], client: unusable },
  {
    name: 'a negative length',
    steps: [`${head('HTTP/1.1 200 OK', 'Content-Length: -2')}ok`],
    client: unusable,
  },
  {
    name: 'a length with a sign',
    steps: [`${head('HTTP/1.1 200 OK', 'Content-Length: +2')}ok`],
    client: unusable,
  },
  {
    name: 'a list of lengths',
    steps: [`${head('HTTP/1.1 200 OK', 'Content-Length: 2, 2')}ok`],
    client: unusable,
  },
  { name: 'a length and chunks', steps: [ok('Transfer-Encoding: chunked')], client: unusable },
  {
    name: 'a transfer coding that is not understood',
    steps: [`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
    client: unusable,
  },
  {
    name: 'a transfer coding without chunks',
    steps: [`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip')}ok`, end],
    client: unusable,
  },

  { name: 'a body that is short', steps: [half, end], client: 'cut' },
  { name: 'a body that is long', steps: [`${ok()}more`], client: fine },
  { name: 'a second answer behind the first', steps: [ok() + evil], client: fine },
  { name: 'an empty line behind an answer', steps: [`${ok()}\r\n`], client: fine, reused: true },
  { name: 'chunks', steps: [chunked('2\r\nok\r\n0\r\n\r\n')], client: fine, reused: true },
  {
    name: 'chunks with extensions and trailers',
    steps: [chunked('2;a=b\r\nok\r\n0\r\nX-T: 1\r\n\r\n')],
    client: { ...fine, fields: { 'x-t': undefined } },
    reused: true,
  },
  {
    name: 'a trailer announced, without chunks',
    steps: [ok('Trailer: X-T')],
    client: { ...fine, fields: { trailer: undefined } },
    reused: true,
  },
  { name: 'a chunk of a size that is none', steps: [chunked('2\r\nok\r\nZZ\r\n')], client: 'cut' },
  { name: 'a chunk of another size than it says', steps: [chunked('1\r\nok\r\n0\r\n\r\n')], client: 'cut' },
  { name: 'chunks without the last', steps: [chunked('2\r\nok\r\n'), end], client: 'cut' },
  { name: 'a second answer behind chunks', steps: [chunked('2\r\nok\r\n0\r\n\r\n') + evil], client: fine },

  {
    name: 'a hint before the answer',
    steps: [head('HTTP/1.1 103 X', 'Link: </a>; rel=preload', 'LINK: </b>', 'X-Evil: y', 'Server: z') + ok()],
    client: { ...fine, informed: [[103, '</a>; rel=preload\n</b>']] },
    reused: true,
  },
  {
    name: 'hints in pieces, one after the other',
    steps: [...head('HTTP/1.1 103 X', 'Link: </a>'), ...head('HTTP/1.1 103 X', 'Link: </b>'), ok()],
    client: {
      ...fine,
      informed: [
        [103, '</a>'],
        [103, '</b>'],
      ],
    },
    reused: true,
  },
  {
    name: 'a hint before the answer, in HTTP/1.0',
    version: '1.0',
    steps: [head('HTTP/1.1 103 X', 'Link: </a>') + ok()],
    client: fine,
    reused: true,
  },
  {
    name: 'a hint of nothing, one of bytes above ASCII, and one with a length',
    steps: [
      head('HTTP/1.1 103 X', 'X: y'),
      head('HTTP/1.1 103 X', 'Link: </\xe9>'),
      head('HTTP/1.1 103 X', 'Link: </a>', 'Content-Length: 9'),
      ok(),
    ],
    client: { ...fine, informed: [[103, '</a>']] },
    reused: true,
  },
  {
    name: 'a hint with a control byte',
    steps: [head('HTTP/1.1 103 X', 'Link: </a>\x01') + ok()],
    client: unusable,
  },
  {
    name: 'that it is at work',
    steps: [head('HTTP/1.1 102 X', 'X: y') + ok()],
    client: { ...fine, informed: [[102, undefined]] },
    reused: true,
  },
  {
    name: 'something before the answer that nobody knows',
    steps: [head('HTTP/1.1 199 X', 'Link: </a>') + ok()],
    client: fine,
    reused: true,
  },
  { name: '100 unasked', steps: [head('HTTP/1.1 100 X') + ok()], client: fine, reused: true },
  {
    name: '20 hints before the answer',
    steps: [head('HTTP/1.1 103 X', 'Link: </a>').repeat(20) + ok()],
    client: { ...fine, informed: Array(20).fill([103, '</a>']) },
    reused: true,
  },
  {
    name: '1,000 hints before the answer',
    steps: [head('HTTP/1.1 103 X').repeat(1_000) + ok()],
    client: unusable,
  },
  {
    name: '1,000 times 100 before the answer',
    steps: [head('HTTP/1.1 100 X').repeat(1_000) + ok()],
    client: unusable,
  },

  { name: 'a head of 64 kB', steps: [ok(`X: ${'x'.repeat(65_536)}`)], client: unusable },
  { name: '500 fields', steps: [ok(...fields)], client: { ...fine, fields: { 'x-499': 'y' } }, reused: true },
  { name: '3,000 fields', steps: [ok(...Array(3_000).fill('X: y'))], client: unusable },
  { name: 'a NUL in a field', steps: [ok('X: y\0z')], client: unusable },
  { name: 'a control byte in a field', steps: [ok('X: y\x01z')], client: unusable },
  { name: 'a carriage return in a field', steps: [ok('X: y\rz')], client: unusable },
  { name: 'a space before a colon', steps: [ok('X : y')], client: unusable },
  { name: 'an empty name', steps: [ok(': y')], client: unusable },
  { name: 'a folded field', steps: [ok('X: y', ' z')], client: unusable },
  {
    name: 'bytes above ASCII in a field',
    steps: [ok('X: \xe9')],
    client: { ...fine, fields: { x: '\xe9' } },
    reused: true,
  },
  {
    name: '50 cookies',
    steps: [ok(...cookies)],
    client: {
      ...fine,
      fields: { 'set-cookie': cookies.map((cookie) => cookie.slice('Set-Cookie: '.length)).join('\n') },
    },
    reused: true,
  },
  {
    name: 'fields for one connection',
    steps: [
      ok('Connection: X-Hop', 'X-Hop: 1', 'Proxy-Authenticate: Basic', 'Upgrade: h2c', 'Keep-Alive: max=1'),
    ],
    client: {
      ...fine,
      fields: {
        'x-hop': undefined,
        'proxy-authenticate': undefined,
        upgrade: undefined,
      },
    },
    reused: true,
  },
  {
    name: 'fields of the gateway',
    steps: [ok('X-Frame-Options: ALLOWALL', 'X-Request-Id: x', 'Server: secret', 'Via: 1.1 x')],
    client: {
      ...fine,
      fields: { 'x-frame-options': 'DENY', server: undefined, via: undefined },
    },
    reused: true,
  },
  { name: 'the end of its connection announced', steps: [ok('Connection: close'), end], client: fine },

  {
    name: '204 with a body',
    steps: [status('HTTP/1.1 204 X')],
    client: { status: 204, fields: { 'content-length': undefined } },
  },
  { name: '304 with a body', steps: [status('HTTP/1.1 304 X')], client: { status: 304 } },
  { name: 'HEAD with a body', method: 'HEAD', steps: [ok()], client: { status: 200 } },
  {
    name: 'HEAD with chunks',
    method: 'HEAD',
    steps: [chunked('2\r\nok\r\n0\r\n\r\n')],
    client: { status: 200 },
  },
  {
    name: 'an answer to a HEAD',
    method: 'HEAD',
    steps: [head('HTTP/1.1 200 OK', 'Content-Length: 2')],
    client: { status: 200, fields: { 'content-length': '2' } },
    reused: true,
  },

  { name: 'the end instead of an answer', steps: [end], client: unusable },
  { name: 'the end in a head', steps: ['HTTP/1.1 200 OK\r\nContent-', end], client: unusable },
  { name: 'the end behind a hint', steps: [head('HTTP/1.1 103 X'), end], client: unusable },
  { name: 'a reset instead of an answer', steps: [reset], client: unusable },
  { name: 'a reset in a head', steps: ['HTTP/1.1 200 OK\r\nContent-', reset], client: unusable },
  {
    name: 'a reset behind a head',
    steps: [head('HTTP/1.1 200 OK', 'Content-Length: 9'), reset],
    client: 'cut',
  },
  { name: 'a reset in a body', steps: [half, reset], client: 'cut' },
  { name: 'a reset in chunks', steps: [chunked('2\r\nok\r\n'), reset], client: 'cut' },
  { name: 'a reset behind an answer', steps: [ok(), reset], client: fine },
  { name: 'a reset instead of an answer to a command', method: 'POST', steps: [reset], client: unusable },

  { name: 'nothing', steps: [], client: tooLate },
  { name: 'nothing, to a command', method: 'POST', steps: [], client: tooLate },
  { name: 'half a head and nothing more', steps: ['HTTP/1.1 200 OK\r\nContent-'], client: tooLate },
  { name: 'a hint and nothing more', steps: [head('HTTP/1.1 103 X')], client: tooLate },
  { name: 'a head and nothing more', steps: [head('HTTP/1.1 200 OK', 'Content-Length: 9')], client: 'cut' },
  { name: 'half a body and nothing more', steps: [half], client: 'cut' },
  { name: 'a chunk and nothing more', steps: [chunked('2\r\nok\r\n')], client: 'cut' },
  {
    name: 'an event and nothing more',
    steps: [
      `${head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked')}2\r\nok\r\n`,
    ],
    client: 'cut',
  },
];
