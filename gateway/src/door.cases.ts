/** What the gateway does with requests as they are on the wire. docs/door.md is made of these cases. */

export interface DoorCase {
  readonly name: string;
  /** All that is sent on one connection; a character is a byte. */
  readonly bytes: string;
  /** The statuses of the answers, in their order. */
  readonly answers: readonly number[];
  /** `kept`: a further request is answered. `closed`: what comes behind it on the connection is never looked at. */
  readonly connection: 'kept' | 'closed';
  /** What the upstream gets; `unfinished`: at most a request whose body never ends. */
  readonly arrives: readonly ExpectedArrival[] | 'unfinished';
  /** What the client does when it has sent the bytes; when left out, it sends one request more at once. */
  readonly client?: 'ends' | 'waits' | 'reads nothing';
  /** The sections that say so, or leave it to us. */
  readonly clause: string;
}

export interface ExpectedArrival {
  readonly requestLine: string;
  /** Values of fields that it has; undefined: it has none of this name. */
  readonly fields?: Readonly<Record<string, string | undefined>>;
  /** The empty one when left out. */
  readonly body?: string;
}

export interface DoorGroup {
  readonly title: string;
  /** Why it is treated so. */
  readonly why: string;
  readonly cases: readonly DoorCase[];
}

type Outcome = Pick<DoorCase, 'answers' | 'connection' | 'arrives' | 'client'>;
type Row = readonly [name: string, bytes: string, outcome: Outcome];

const rows = (clause: string, ...cases: Row[]) =>
  cases.map(([name, bytes, outcome]): DoorCase => ({ clause, name, bytes, ...outcome }));

/** A head with these lines. */
const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const get = (target: string, ...fields: string[]) =>
  head(`GET ${target} HTTP/1.1`, 'Host: portico.test', ...fields);
const post = (body: string, ...fields: string[]) =>
  head('POST /graphql HTTP/1.1', 'Host: portico.test', ...fields) + body;
const ofLength = (length: string, body = '{}') => post(body, `Content-Length: ${length}`);
const coded = (coding: string, body = chunks) => post(body, `Transfer-Encoding: ${coding}`);
const chunked = (body: string) => coded('chunked', body);
const line = (requestLine: string) => head(requestLine, 'Host: portico.test');
const host = (...values: string[]) =>
  head('GET /graphql HTTP/1.1', ...values.map((value) => `Host: ${value}`));
const chunks = '2\r\n{}\r\n0\r\n\r\n';
/** A request that nobody may take for one. */
const smuggled = get('/graphql?smuggled');
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const offer = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', key];
/** A handshake, of whose fields these are others, or further ones. */
const handshake = (target: string, ...changed: string[]) => {
  const names = changed.map((field) => field.split(':', 1)[0]);
  const kept = offer.filter((field) => !names.includes(field.split(':', 1)[0]));
  return get(target, ...kept, ...changed.filter((field) => !field.endsWith(': none')));
};
const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: y`);

/** Refused; nothing that follows can be trusted. */
const refused = (status: number): Outcome => ({ answers: [status], connection: 'closed', arrives: [] });
/** Refused for what it asks, not for how it is written: the connection goes on. */
const declined = (status: number): Outcome => ({ answers: [status], connection: 'kept', arrives: [] });
/** Refused when part of it may have gone on already. */
const broken = (status: number): Outcome => ({ ...refused(status), arrives: 'unfinished' });
const passed = (...arrives: ExpectedArrival[]): Outcome => ({
  answers: arrives.map(() => 200),
  connection: 'kept',
  arrives,
});
const asGet = (fields: ExpectedArrival['fields'] = {}, target = '/graphql'): ExpectedArrival => ({
  requestLine: `GET ${target} HTTP/1.1`,
  fields,
});
const asPost = (body: string, fields: ExpectedArrival['fields'] = {}): ExpectedArrival => ({
  requestLine: 'POST /graphql HTTP/1.1',
  fields,
  body,
});
const without = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
const passedTarget = (target: string): Row => [`\`${target}\``, get(target), passed(asGet({}, target))];
const refusedTarget = (target: string): Row => [`\`${target}\``, get(target), declined(400)];

export const doorGroups: readonly DoorGroup[] = [
  {
    title: 'Length of a body',
    why: 'Two parts that see another end of a body see another next request.',
    cases: [
      ...rows(
        'RFC 9112 6.3',
        ['a length of 2', ofLength('2'), passed(asPost('{}', { 'content-length': '2' }))],
        ['no body', post(''), passed(asPost('', { 'content-length': '0' }))],
        ['spaces and tabs around it', ofLength(' \t2\t '), passed(asPost('{}', { 'content-length': '2' }))],
        ['two lengths', post(`{}${smuggled}`, 'Content-Length: 2', 'Content-Length: 5'), refused(400)],
        ['the same length twice', post('{}', 'Content-Length: 2', 'Content-Length: 2'), refused(400)],
        ['`2,2`', ofLength('2,2'), refused(400)],
        ['`2, 5`', ofLength('2, 5'), refused(400)],
        ['`+2`', ofLength('+2'), refused(400)],
        ['`-2`', ofLength('-2'), refused(400)],
        ['`0x2`', ofLength('0x2'), refused(400)],
        ['`2.0`', ofLength('2.0'), refused(400)],
        ['`2e0`', ofLength('2e0'), refused(400)],
        ['`2 2`', ofLength('2 2'), refused(400)],
        ['an empty length', ofLength('', smuggled), refused(400)],
        ['more than 64 bits', ofLength('18446744073709551618'), refused(400)],
        ['a NUL behind it', ofLength('2\0'), refused(400)],
      ),
      ...rows(
        'RFC 9110 15.5.14',
        ['more than the route takes', ofLength('1000001', 'x'), { ...refused(413), client: 'ends' }],
        ['more than 2⁵³', ofLength('9007199254740993', 'x'), { ...refused(413), client: 'ends' }],
        [
          'more than the route takes, expecting to be told',
          post('', 'Content-Length: 1000001', 'Expect: 100-continue'),
          { ...refused(413), client: 'ends' },
        ],
      ),
      ...rows(
        'RFC 9110 9.3.1',
        ['a GET with a body', `${get('/graphql', 'Content-Length: 2')}{}`, declined(400)],
        [
          'a GET with a request as its body',
          get('/graphql', `Content-Length: ${smuggled.length}`) + smuggled,
          declined(400),
        ],
        ['a GET with chunks', get('/graphql', 'Transfer-Encoding: chunked') + chunks, declined(400)],
        ['a GET of length 0', get('/graphql', 'Content-Length: 0'), passed(asGet(without('content-length')))],
      ),
      ...rows('RFC 9112 8', ['a body that ends early', ofLength('9'), { ...broken(400), client: 'ends' }]),
    ],
  },
  {
    title: 'Transfer codings',
    why: '`chunked` alone, once and in HTTP/1.1 is the only one that everybody reads in the same way.',
    cases: rows(
      'RFC 9112 6.1, 6.3',
      [
        '`chunked`',
        chunked(chunks),
        passed(asPost('{}', { 'transfer-encoding': 'chunked', 'content-length': undefined })),
      ],
      ['`CHUNKED`', coded('CHUNKED'), passed(asPost('{}', { 'transfer-encoding': 'chunked' }))],
      ['a tab before it', coded('\tchunked'), passed(asPost('{}', { 'transfer-encoding': 'chunked' }))],
      [
        'chunks and a length',
        post(`0\r\n\r\n${smuggled}`, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
        refused(400),
      ],
      [
        'a length and chunks',
        post(`0\r\n\r\n${smuggled}`, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
        refused(400),
      ],
      [
        'a length of 0 and chunks',
        post(chunks, 'Content-Length: 0', 'Transfer-Encoding: chunked'),
        refused(400),
      ],
      [
        'chunks in HTTP/1.0',
        head('POST /graphql HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked') + chunks,
        refused(400),
      ],
      [
        '`chunked` in two fields',
        post(chunks, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
        refused(400),
      ],
      ['`chunked, chunked`', coded('chunked, chunked'), refused(400)],
      ['`chunked, gzip`', coded('chunked, gzip'), refused(400)],
      ['`gzip, chunked`', coded('gzip, chunked'), refused(501)],
      ['`gzip`', coded('gzip'), refused(400)],
      ['`identity`', coded('identity', smuggled), refused(400)],
      ['`identity, chunked`', coded('identity, chunked'), refused(501)],
      [
        '`identity` and a length',
        post('{}', 'Transfer-Encoding: identity', 'Content-Length: 2'),
        refused(400),
      ],
      ['`xchunked`', coded('xchunked'), refused(400)],
      ['`chunkedx`', coded('chunkedx'), refused(400)],
      ['`"chunked"`', coded('"chunked"'), refused(400)],
      ['`chunked;q=1`', coded('chunked;q=1'), refused(400)],
      ['an empty coding', coded(''), refused(400)],
      ['a vertical tab before `chunked`', coded('\x0bchunked'), refused(400)],
      ['a NUL behind `chunked`', coded('chunked\0'), refused(400)],
    ),
  },
  {
    title: 'Chunks',
    why: 'Sizes, extensions and trailers are read by one rule; extensions and trailers end here.',
    cases: [
      ...rows(
        'RFC 9112 7.1',
        [
          'sizes in both cases',
          chunked('0a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n'),
          passed(asPost('01234567890123456789')),
        ],
        ['a size with many zeros', chunked(`${'0'.repeat(30)}2\r\n{}\r\n000\r\n\r\n`), passed(asPost('{}'))],
        ['a size that is no number', chunked('ZZ\r\n'), broken(400)],
        ['`0x2`', chunked('0x2\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['`-2`', chunked('-2\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['`+2`', chunked('+2\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['`1_0`', chunked('1_0\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a space before the size', chunked(' 2\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a space behind the size', chunked('2 \r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['no size', chunked('\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a size of more than 64 bits', chunked('10000000000000002\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a size of 64 bits', chunked('FFFFFFFFFFFFFFFF\r\n{}'), { ...broken(408), client: 'waits' }],
        ['line feeds alone', chunked('2\n{}\n0\n\n'), broken(400)],
        ['a line feed alone behind a chunk', chunked('2\r\n{}\n0\r\n\r\n'), broken(400)],
        ['a chunk that is shorter than its size', chunked('5\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a chunk that is longer than its size', chunked(`1\r\n{}\r\n0\r\n\r\n`), broken(400)],
        ['chunks that end early', chunked('5\r\n{}'), { ...broken(400), client: 'ends' }],
      ),
      ...rows('RFC 9110 15.5.14', [
        'more than the route takes, in chunks',
        chunked(`f4241\r\n${'x'.repeat(1_000_001)}\r\n0\r\n\r\n`),
        { answers: [413], connection: 'kept', arrives: 'unfinished' },
      ]),
      ...rows(
        'RFC 9112 7.1.1',
        ['an extension', chunked('2;a=b\r\n{}\r\n0\r\n\r\n'), passed(asPost('{}'))],
        ['an extension in quotes', chunked('2;a="b;\\"c"\r\n{}\r\n0\r\n\r\n'), passed(asPost('{}'))],
        ['a `;` alone', chunked('2;\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a line feed in an extension', chunked(`2;a\n${smuggled}`), broken(400)],
        ['a carriage return in an extension', chunked('2;a\rb\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['a NUL in an extension', chunked('2;a\0b\r\n{}\r\n0\r\n\r\n'), broken(400)],
        ['an extension of 20 kB', chunked(`2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`), broken(413)],
      ),
      ...rows(
        'RFC 9112 7.1.2, RFC 9110 6.5.1',
        [
          'a trailer announced, none sent',
          get('/graphql', 'Trailer: X-T'),
          passed(asGet(without('trailer'))),
        ],
        [
          'a trailer',
          post('2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n', 'Trailer: X-T', 'Transfer-Encoding: chunked'),
          passed(asPost('{}', without('trailer', 'x-t'))),
        ],
        [
          'a trailer that nobody announced',
          chunked('2\r\n{}\r\n0\r\nHost: evil.test\r\n\r\n'),
          passed(asPost('{}', { 'x-forwarded-host': 'portico.test' })),
        ],
        ['`Content-Length` as a trailer', chunked('0\r\nContent-Length: 50\r\n\r\n'), broken(400)],
        ['a trailer that is no field', chunked('0\r\nX T: 1\r\n\r\n'), broken(400)],
        ['trailers of 20 kB', chunked(`0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), broken(431)],
      ),
    ],
  },
  {
    title: 'Lines and bytes of a head',
    why: 'A byte that one part takes for the end of a line or name, and another for part of it, splits a message.',
    cases: [
      ...rows(
        'RFC 9112 2.2',
        ['an empty line before the request', `\r\n${get('/graphql')}`, passed(asGet())],
        ['a space before the request', ` ${get('/graphql')}`, refused(400)],
        ['line feeds alone', 'GET /graphql HTTP/1.1\nHost: a\n\n', refused(400)],
        ['a line feed alone in the fields', get('/graphql', 'X: y\nHost: evil.test'), refused(400)],
        ['a line feed alone at the end', 'GET /graphql HTTP/1.1\r\nHost: a\r\n\n', refused(400)],
        ['a carriage return in a value', get('/graphql', 'X: y\rHost: evil.test'), refused(400)],
        ['two carriage returns at the end of a line', get('/graphql', 'X: y\r'), refused(400)],
      ),
      ...rows(
        'RFC 9112 5.2',
        ['a folded value', get('/graphql', 'X: y', ' z'), refused(400)],
        ['a folded length', post('{}', 'Content-Length: 2', '\t2'), refused(400)],
        ['a fold before the first field', head('GET /graphql HTTP/1.1', ' X: y', 'Host: a'), refused(400)],
      ),
      ...rows(
        'RFC 9110 5.5',
        ['a NUL in a value', get('/graphql', 'X: y\0z'), refused(400)],
        ['a control byte in a value', get('/graphql', 'X: y\x01z'), refused(400)],
        ['DEL in a value', get('/graphql', 'X: y\x7fz'), refused(400)],
        ['a tab in a value', get('/graphql', 'Accept: y\tz'), passed(asGet({ accept: 'y\tz' }))],
        [
          'bytes above ASCII in a value',
          get('/graphql', 'User-Agent: \xff'),
          passed(asGet({ 'user-agent': '\xff' })),
        ],
      ),
      ...rows(
        'RFC 9112 5.1',
        ['a space before the colon', post('{}', 'Content-Length : 2'), refused(400)],
        ['a tab before the colon', coded('').replace('Encoding:', 'Encoding\t: chunked'), refused(400)],
        ['an empty name', get('/graphql', ': y'), refused(400)],
        ['no colon', get('/graphql', 'X'), refused(400)],
        ['a space in a name', get('/graphql', 'X Y: z'), refused(400)],
        ['a NUL in a name', get('/graphql', 'X\0: z'), refused(400)],
        ['a control byte in a name', get('/graphql', 'X\x01: z'), refused(400)],
        ['a byte above ASCII in a name', get('/graphql', '\xe9: z'), refused(400)],
        ['brackets in a name', get('/graphql', 'X(Y): z'), refused(400)],
      ),
      ...rows(
        'RFC 9110 5.4',
        ['99 fields', head('GET /graphql HTTP/1.1', 'Host: a', ...many(98)), passed(asGet())],
        ['100 fields', head('GET /graphql HTTP/1.1', 'Host: a', ...many(99)), refused(431)],
        ['101 fields', head('GET /graphql HTTP/1.1', 'Host: a', ...many(100)), refused(431)],
        ['a length behind 120 fields', post('{}', ...many(120), 'Content-Length: 2'), refused(431)],
        ['15 kB of fields', get('/graphql', `X: ${'x'.repeat(15_000)}`), passed(asGet())],
        ['17 kB of fields', get('/graphql', `X: ${'x'.repeat(17_000)}`), refused(431)],
        ['a field of 1 MB', get('/graphql', `X: ${'x'.repeat(1_000_000)}`), refused(431)],
      ),
    ],
  },
  {
    title: 'Request line',
    why: 'One form of it is understood; what is spoken is HTTP/1.1, and HTTP/1.0 by those who do.',
    cases: [
      ...rows(
        'RFC 9112 3',
        ['two spaces', line('GET  /graphql  HTTP/1.1'), passed(asGet())],
        ['tabs', line('GET\t/graphql\tHTTP/1.1'), refused(400)],
        ['a space in the target', line('GET /graphql x HTTP/1.1'), refused(400)],
        ['a space at the end', line('GET /graphql HTTP/1.1 '), refused(400)],
        ['no target', line('GET HTTP/1.1'), refused(400)],
        ['bytes of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', refused(400)],
        ['a PROXY line', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${get('/graphql')}`, refused(400)],
      ),
      ...rows(
        'RFC 9112 2.3, RFC 9110 2.5',
        ['HTTP/0.9', 'GET /graphql\r\n', refused(400)],
        [
          'HTTP/1.0',
          head('GET /graphql HTTP/1.0'),
          { answers: [200], connection: 'closed', arrives: [asGet({ 'x-forwarded-host': undefined })] },
        ],
        [
          'HTTP/1.0 that keeps its connection',
          head('GET /graphql HTTP/1.0', 'Connection: keep-alive'),
          passed(asGet()),
        ],
        ['HTTP/1.2', line('GET /graphql HTTP/1.2'), refused(400)],
        ['HTTP/1.10', line('GET /graphql HTTP/1.10'), refused(400)],
        ['HTTP/2.0', line('GET /graphql HTTP/2.0'), refused(400)],
        ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', refused(400)],
        ['`http/1.1`', line('GET /graphql http/1.1'), refused(400)],
        ['`ICE/1.1`', line('GET /graphql ICE/1.1'), refused(400)],
      ),
      ...rows(
        'RFC 9110 9, 15.5.6',
        ['CONNECT', head('CONNECT portico.test:443 HTTP/1.1', 'Host: portico.test:443'), refused(405)],
        ['CONNECT to a path', line('CONNECT /graphql HTTP/1.1'), refused(405)],
        ['TRACE', line('TRACE /graphql HTTP/1.1'), declined(405)],
        ['OPTIONS', line('OPTIONS /graphql HTTP/1.1'), declined(405)],
        ['PUT', line('PUT /graphql HTTP/1.1'), declined(405)],
        ['PROPFIND', line('PROPFIND /graphql HTTP/1.1'), declined(405)],
        ['a method that nobody has', line('BREW /graphql HTTP/1.1'), refused(400)],
        ['`get`', line('get /graphql HTTP/1.1'), refused(400)],
        ['`Post`', line('Post /graphql HTTP/1.1'), refused(400)],
        ['a method and a control byte', line('GET\x01 /graphql HTTP/1.1'), refused(400)],
      ),
      ...rows(
        'RFC 9112 3.2',
        ['the absolute form', line('GET http://portico.test/graphql HTTP/1.1'), declined(400)],
        ['the absolute form of another host', line('GET http://evil.test/graphql HTTP/1.1'), declined(400)],
        ['the absolute form with a user', line('GET http://a@portico.test/graphql HTTP/1.1'), declined(400)],
        ['the authority form', line('GET portico.test:80 HTTP/1.1'), refused(400)],
        ['the asterisk form', line('OPTIONS * HTTP/1.1'), declined(400)],
        ['no slash at the beginning', line('GET graphql HTTP/1.1'), refused(400)],
        ['a query alone', line('GET ?x HTTP/1.1'), refused(400)],
      ),
    ],
  },
  {
    title: 'Target',
    why: 'The path that a route is chosen by is the path that everybody behind reads, byte by byte.',
    cases: rows(
      'RFC 3986 2, 3.3, 6.2.2; RFC 9110 4.2.5',
      passedTarget('/api/v1/a.b..c/...'),
      passedTarget("/api/v1/~a!$&'()*+,=:@-_"),
      passedTarget('/api/v1/%E2%82%AC%20'),
      passedTarget('/graphql?a=/../b//c;d&e=%00%ff\\|{}'),
      ...[
        '/api/v1/../graphql',
        '/api/v1/./home',
        '/api/v1/..',
        '/api/v1/%2e%2e/graphql',
        '/api/v1/.%2E/graphql',
        '/api/v1/..;/graphql',
        '/api/v1/home;x=1',
        '/api/v1/%3b',
        '/api/v1//home',
        '//graphql',
        '//evil.test/graphql',
        '/api/v1/..\\graphql',
        '/api/v1/%5c..%5cgraphql',
        '/api/v1/..%2fgraphql',
        '/api/v1/..%2Fgraphql',
        '/api/v1/%252e%252e/graphql',
        '/api/v1/%25',
        '/api/v1/%00',
        '/api/v1/%0d%0aX:%20y',
        '/api/v1/%7f',
        '/api/v1/%',
        '/api/v1/%4',
        '/api/v1/%zz',
        '/api/v1/%u002e',
        '/api/v1/%c0%ae%c0%ae/graphql',
        '/api/v1/%e0%80%af',
        '/api/v1/%ed%a0%80',
        '/api/v1/%ff',
        '/api/v1/a|b',
        '/graphql#x',
        '/graphql?a#b',
      ].map(refusedTarget),
      ['a raw byte above ASCII in the path', get('/api/v1/\xc3\xa9'), refused(400)],
      ['a raw byte above ASCII in the query', get('/graphql?\xe9'), refused(400)],
      ['a NUL in the path', get('/api/v1/\0'), refused(400)],
      ['a control byte in the query', get('/graphql?\x01'), refused(400)],
      ['DEL in the query', get('/graphql?\x7f'), refused(400)],
      ['a tab in the query', get('/graphql?a\tb'), refused(400)],
      ['8,001 characters', get('/api/v1/'.padEnd(8_001, 'x')), declined(414)],
      ['a path that no route has', get('/admin'), declined(404)],
      ['a route in capitals', get('/GraphQL'), declined(404)],
      ['a route that only begins so', get('/graphqlx'), declined(404)],
      ['a route and a slash', get('/graphql/'), declined(404)],
    ),
  },
  {
    title: 'Host',
    why: 'Links, caches and logs are made of it: it is one host, and it never chooses the upstream.',
    cases: rows(
      'RFC 9112 3.2, RFC 9110 7.2',
      ['a host and port', host('a.test:8080'), passed(asGet({ 'x-forwarded-host': 'a.test:8080' }))],
      ['an IPv6 address', host('[::1]:80'), passed(asGet({ 'x-forwarded-host': '[::1]:80' }))],
      ['none', head('GET /graphql HTTP/1.1'), refused(400)],
      ['an empty one', host(''), refused(400)],
      ['two', host('a', 'b'), refused(400)],
      ['the same one twice', host('a', 'a'), refused(400)],
      ['two on a path that no route has', head('GET /x HTTP/1.1', 'Host: a', 'Host: b'), refused(400)],
      ['two in one', host('a, b'), refused(400)],
      ['a space in it', host('a b'), refused(400)],
      ['a user', host('user@a'), refused(400)],
      ['a path', host('a/graphql'), refused(400)],
      ['a port alone', host(':80'), refused(400)],
      ['no port behind the colon', host('a:'), refused(400)],
      ['a port that is no number', host('a:80x'), refused(400)],
      ['a port beyond 65535', host('a:65536'), refused(400)],
      ['half a bracket', host('[::1'), refused(400)],
      ['a script', host('"><script>'), refused(400)],
    ),
  },
  {
    title: 'Fields that end here',
    why: 'Only what the route names goes on; who asks, by which way and how, is said by the gateway alone.',
    cases: [
      ...rows(
        'RFC 9110 7.6.1',
        [
          '`Connection` names a field',
          get('/graphql', 'Connection: Accept', 'Accept: x'),
          passed(asGet({ accept: undefined })),
        ],
        ['`Connection: Host`', get('/graphql', 'Connection: Host'), refused(400)],
        [
          '`Connection: Content-Length`',
          post('{}', 'Connection: Content-Length', 'Content-Length: 2'),
          refused(400),
        ],
        [
          '`Connection: Transfer-Encoding`',
          post(chunks, 'Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'),
          refused(400),
        ],
        ['`Connection: Authorization`', get('/graphql', 'Connection: Authorization'), refused(400)],
        [
          '`Connection: x, cookie` in two fields',
          get('/graphql', 'Connection: x', 'Connection: cookie'),
          refused(400),
        ],
        ['`Connection: X-Forwarded-For`', get('/graphql', 'Connection: X-Forwarded-For'), refused(400)],
        [
          'fields for one connection',
          get('/graphql', 'Keep-Alive: timeout=9', 'TE: trailers', 'Proxy-Connection: keep-alive'),
          passed(asGet(without('keep-alive', 'te', 'proxy-connection'))),
        ],
        [
          'a proxy’s credentials',
          get('/graphql', 'Proxy-Authorization: Basic eDp5'),
          passed(asGet(without('proxy-authorization'))),
        ],
      ),
      ...rows(
        'RFC 9110 7.8',
        [
          'an offer of `h2c`',
          get('/graphql', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
          { ...passed(asGet(without('upgrade', 'http2-settings'))), connection: 'closed' },
        ],
        [
          'an offer with a body',
          post('{}', 'Connection: Upgrade', 'Upgrade: x', 'Content-Length: 2'),
          { ...passed(asPost('{}', without('upgrade'))), connection: 'closed' },
        ],
        [
          'an offer of `h2c` where a WebSocket could be',
          get('/socket', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk') +
            smuggled,
          { ...passed(asGet(without('upgrade', 'http2-settings'), '/socket')), connection: 'closed' },
        ],
      ),
      ...rows(
        'RFC 9110 10.1.1',
        [
          '`Expect: 100-continue`',
          post('{}', 'Expect: 100-continue', 'Content-Length: 2'),
          passed(asPost('{}', without('expect'))),
        ],
        ['`Expect: 100-Continue`', get('/graphql', 'Expect: 100-Continue'), passed(asGet(without('expect')))],
        ['another expectation', get('/graphql', 'Expect: tea'), refused(417)],
        ['`100-continue` and another', get('/graphql', 'Expect: 100-continue, tea'), refused(417)],
        ['`x-100-continue`', get('/graphql', 'Expect: x-100-continue'), refused(417)],
        ['an empty expectation', get('/graphql', 'Expect: '), refused(417)],
        [
          'an expectation in HTTP/1.0',
          head('GET /graphql HTTP/1.0', 'Connection: keep-alive', 'Expect: tea'),
          passed(asGet(without('expect'))),
        ],
      ),
      ...rows(
        'RFC 9110 7.6.3',
        ['`Via` of another proxy', get('/graphql', 'Via: 1.1 other'), passed(asGet({ via: '1.1 %via%' }))],
        ['`Via` of this gateway', get('/graphql', 'Via: 1.1 other, 1.1 %via%'), refused(400)],
      ),
      ...rows(
        'RFC 7239 8, RFC 9110 16.3',
        [
          'where it says that it comes from',
          get(
            '/graphql',
            'X-Forwarded-For: 1.2.3.4',
            'X-Forwarded-Proto: https',
            'X-Forwarded-Host: evil.test',
            'X-Forwarded-Prefix: /x',
            'X-Real-IP: 1.2.3.4',
            'Forwarded: for=1.2.3.4',
          ),
          passed(
            asGet({
              'x-forwarded-for': '127.0.0.1',
              'x-forwarded-proto': 'http',
              'x-forwarded-host': 'portico.test',
              ...without('x-forwarded-prefix', 'x-real-ip', 'forwarded'),
            }),
          ),
        ],
        [
          'the same with underscores',
          get('/graphql', 'X_Forwarded_For: 1.2.3.4', 'X_Real_IP: 1.2.3.4'),
          passed(asGet({ 'x-forwarded-for': '127.0.0.1', ...without('x_forwarded_for', 'x_real_ip') })),
        ],
        [
          'a length with an underscore',
          post('', 'Content_Length: 100'),
          passed(asPost('', { 'content-length': '0', content_length: undefined })),
        ],
        [
          'a coding with an underscore',
          post('{}', 'Transfer_Encoding: chunked', 'Content-Length: 2'),
          passed(asPost('{}', without('transfer_encoding', 'transfer-encoding'))),
        ],
        [
          'who it says that it is',
          get('/graphql', 'X-User-Id: root', 'Remote-User: root', 'Portico-Customer: c1', 'Portico-Roles: x'),
          passed(asGet(without('x-user-id', 'remote-user', 'portico-customer', 'portico-roles'))),
        ],
        [
          'that who it is can not be said',
          get('/graphql', 'Portico-User: unknown'),
          passed(asGet(without('portico-user'))),
        ],
        [
          'a time limit',
          get('/graphql', 'Portico-Timeout-Ms: 1'),
          passed(asGet({ 'portico-timeout-ms': '9900' })),
        ],
        [
          'another method, another target',
          post('', 'X-HTTP-Method-Override: DELETE', 'X-Method-Override: PUT', 'X-Original-URL: /admin'),
          passed(asPost('', without('x-http-method-override', 'x-method-override', 'x-original-url'))),
        ],
        ['cookies', get('/graphql', 'Cookie: a=b'), passed(asGet(without('cookie')))],
        [
          'a type of body given twice',
          post('{}', 'Content-Type: application/json', 'Content-Type: text/plain', 'Content-Length: 2'),
          declined(400),
        ],
        ['a list given twice', get('/graphql', 'Accept: a', 'ACCEPT: b'), passed(asGet({ accept: 'a, b' }))],
      ),
    ],
  },
  {
    title: 'WebSocket',
    why: 'A route has to say that it takes one. From its handshake on, nothing on the connection is a request any more.',
    cases: [
      ...rows(
        'RFC 6455 4.2.1, 4.2.2',
        [
          'a handshake',
          handshake('/socket?switch'),
          {
            answers: [101],
            connection: 'closed',
            arrives: [
              asGet(
                { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
                '/socket?switch',
              ),
            ],
          },
        ],
        [
          'a handshake in other letters',
          handshake('/socket?switch', 'Upgrade: WebSocket', 'Connection: keep-alive, uPGRADE'),
          {
            answers: [101],
            connection: 'closed',
            arrives: [asGet({ upgrade: 'websocket' }, '/socket?switch')],
          },
        ],
        [
          'one that the upstream answers with 200, and a request behind it',
          handshake('/socket') + smuggled,
          { answers: [200], connection: 'closed', arrives: [asGet({ upgrade: 'websocket' }, '/socket')] },
        ],
        ['one where no route takes it', handshake('/graphql') + smuggled, refused(501)],
        [
          'one without the token that its route demands',
          handshake('/private-socket') + smuggled,
          refused(401),
        ],
        ['one to a path that no route has', handshake('/nowhere') + smuggled, refused(404)],
        ['one to another path than it seems', handshake('/socket/../graphql') + smuggled, refused(400)],
        ['one to two hosts', handshake('/socket', 'Host: evil.test') + smuggled, refused(400)],
        ['a POST', handshake('/socket', 'Content-Length: 0').replace('GET', 'POST') + smuggled, refused(405)],
        ['no `Connection`', handshake('/socket', 'Connection: none') + smuggled, refused(400)],
        ['another `Connection`', handshake('/socket', 'Connection: keep-alive') + smuggled, refused(400)],
        [
          '`Upgrade: websocket, h2c`',
          handshake('/socket', 'Upgrade: websocket, h2c') + smuggled,
          refused(400),
        ],
        [
          '`Upgrade: h2c, websocket`',
          handshake('/socket', 'Upgrade: h2c, websocket') + smuggled,
          refused(400),
        ],
        ['`Upgrade: websocket/13`', handshake('/socket', 'Upgrade: websocket/13') + smuggled, refused(400)],
        ['no key', handshake('/socket', 'Sec-WebSocket-Key: none') + smuggled, refused(400)],
        ['an empty key', handshake('/socket', 'Sec-WebSocket-Key: ') + smuggled, refused(400)],
        ['two keys', handshake('/socket', key, key) + smuggled, refused(400)],
        [
          'a key of 15 bytes',
          handshake('/socket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA') + smuggled,
          refused(400),
        ],
        [
          'a key of 17 bytes',
          handshake('/socket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=') + smuggled,
          refused(400),
        ],
        [
          'a key whose last bits say more',
          handshake('/socket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAB==') + smuggled,
          refused(400),
        ],
        [
          'a subprotocol that is no token',
          handshake('/socket', 'Sec-WebSocket-Protocol: a b') + smuggled,
          refused(400),
        ],
        [
          'a subprotocol twice',
          handshake('/socket', 'Sec-WebSocket-Protocol: a, a') + smuggled,
          refused(400),
        ],
        [
          'an extension that is none',
          handshake('/socket', 'Sec-WebSocket-Extensions: a; =') + smuggled,
          refused(400),
        ],
        [
          'subprotocols and extensions in several fields',
          handshake(
            '/socket',
            'Sec-WebSocket-Protocol: a',
            'Sec-WebSocket-Protocol: b',
            'Sec-WebSocket-Extensions: c; d=1',
            'Sec-WebSocket-Extensions: e',
          ),
          {
            answers: [200],
            connection: 'closed',
            arrives: [
              asGet({ 'sec-websocket-protocol': 'a, b', 'sec-websocket-extensions': 'c; d=1, e' }, '/socket'),
            ],
          },
        ],
      ),
      ...rows(
        'RFC 6455 4.4, RFC 9110 15.5.22',
        ['version 8', handshake('/socket', 'Sec-WebSocket-Version: 8') + smuggled, refused(426)],
        ['versions 13 and 8', handshake('/socket', 'Sec-WebSocket-Version: 13, 8') + smuggled, refused(426)],
        ['no version', handshake('/socket', 'Sec-WebSocket-Version: none') + smuggled, refused(426)],
      ),
      ...rows(
        'RFC 6455 4.2.2, 10.2',
        [
          'a page of another origin',
          handshake('/socket', 'Origin: http://evil.test') + smuggled,
          refused(403),
        ],
        ['a page of no origin', handshake('/socket', 'Origin: null') + smuggled, refused(403)],
        [
          'a page of the gateway’s own origin',
          handshake('/socket', 'Origin: http://portico.test'),
          { answers: [200], connection: 'closed', arrives: [asGet({ origin: undefined }, '/socket')] },
        ],
      ),
      ...rows(
        'RFC 9110 7.8, 7.6.1, 9.3.1',
        [
          'one in HTTP/1.0',
          handshake('/socket').replace('HTTP/1.1', 'HTTP/1.0') + smuggled,
          { answers: [200], connection: 'closed', arrives: [asGet(without('upgrade'), '/socket')] },
        ],
        [
          '`Connection` names its key',
          handshake('/socket', 'Connection: Upgrade, Sec-WebSocket-Key') + smuggled,
          refused(400),
        ],
        [
          'one with a body',
          handshake('/socket', `Content-Length: ${smuggled.length}`) + smuggled + smuggled,
          refused(400),
        ],
        [
          'one with chunks',
          handshake('/socket', 'Transfer-Encoding: chunked') + chunks + smuggled,
          refused(400),
        ],
        ['one that expects', handshake('/socket', 'Expect: 100-continue') + smuggled, refused(400)],
        [
          'one behind a request that is not answered yet',
          get('/graphql?1') + handshake('/socket') + smuggled,
          { answers: [200, 400], connection: 'closed', arrives: [asGet({}, '/graphql?1')] },
        ],
      ),
    ],
  },
  {
    title: 'Pipelines',
    why: 'One request of a connection after the other, each with its own answer, as long as all can be read.',
    cases: rows(
      'RFC 9112 9.3.2, 9.6',
      [
        'three at once',
        get('/graphql?1') + ofLength('2') + get('/graphql?3'),
        passed(asGet({}, '/graphql?1'), asPost('{}'), asGet({}, '/graphql?3')),
      ],
      [
        'a request behind chunks',
        chunked(chunks) + get('/graphql?2'),
        passed(asPost('{}'), asGet({}, '/graphql?2')),
      ],
      ['an empty line behind a body', `${ofLength('2')}\r\n`, passed(asPost('{}'))],
      ['a request inside a body', ofLength(String(smuggled.length), smuggled), passed(asPost(smuggled))],
      [
        'a request inside a chunk',
        chunked(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`),
        passed(asPost(smuggled)),
      ],
      [
        'a request that can not be read behind one that can',
        get('/graphql?1') + smuggled.replace('Host:', 'Host :'),
        { answers: [200, 400], connection: 'closed', arrives: [asGet({}, '/graphql?1')] },
      ],
      [
        'a request behind `Connection: close`',
        get('/graphql?1', 'Connection: close') + smuggled,
        { answers: [200], connection: 'closed', arrives: [asGet({}, '/graphql?1')] },
      ],
      [
        'a request behind a refused one that ends the connection',
        get('/nowhere', 'Connection: close') + smuggled,
        refused(404),
      ],
      ['a request behind a refused head', host('a/b') + smuggled, refused(400)],
      [
        'CONNECT behind a request',
        get('/graphql?1') + line('CONNECT a:1 HTTP/1.1') + smuggled,
        { answers: [200, 405], connection: 'closed', arrives: [asGet({}, '/graphql?1')] },
      ],
      [
        'refused and good ones',
        get('/nowhere') + get('/graphql?2') + get('/api/v1/..') + get('/graphql?4'),
        {
          answers: [404, 200, 400, 200],
          connection: 'kept',
          arrives: [asGet({}, '/graphql?2'), asGet({}, '/graphql?4')],
        },
      ],
    ),
  },
  {
    title: 'Time',
    why: 'Nobody holds a connection by doing nothing.',
    cases: [
      ...rows(
        'RFC 9110 15.5.9',
        [
          'a head that does not end',
          'GET /graphql HTTP/1.1\r\nHost: a',
          { ...refused(408), client: 'waits' },
        ],
        ['a body that does not come', ofLength('9'), { ...broken(408), client: 'waits' }],
        ['chunks that do not come', chunked('2\r\n{}\r\n'), { ...broken(408), client: 'waits' }],
      ),
      ...rows('RFC 9112 9.5', [
        'an answer that is not read',
        get('/graphql?large'),
        {
          answers: [],
          connection: 'closed',
          arrives: [asGet({}, '/graphql?large')],
          client: 'reads nothing',
        },
      ]),
    ],
  },
];
