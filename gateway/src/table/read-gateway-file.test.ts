import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gatewayFileSchema } from './gateway-file.ts';
import { GatewayFileError, parseGatewayFile, readGatewayFile } from './read-gateway-file.ts';

const parse = (text: string, env = {}) => parseGatewayFile(text, 'gateway.yaml', env);
const minimal = `upstreams:
  web: { targets: ["http://127.0.0.1:4001"] }
routes:
  - path: /graphql
    upstream: web
`;

function mistakes(text: string, env = {}): string[] {
  try {
    parse(text, env);
  } catch (error) {
    assert.ok(error instanceof GatewayFileError, String(error));
    return error.message.split('\n');
  }
  return [];
}

test('the least that works is an upstream and a route; the rest has defaults', () => {
  assert.deepEqual(parse(minimal), {
    port: 8080,
    adminPort: 9901,
    maxWebSockets: 1000,
    upstreams: { web: { targets: ['http://127.0.0.1:4001'] } },
    routes: [
      {
        path: '/graphql',
        upstream: 'web',
        methods: ['GET', 'HEAD'],
        auth: 'none',
        unknownUser: 'refuse',
        csrf: 'strict',
        consistency: 'none',
        timeoutMs: 10_000,
        requestFields: [],
      },
    ],
  });
});

test('what is left out inside an upstream has defaults too', () => {
  const { upstreams } = parse(minimal.replace('web: {', 'web: { health: { path: /livez },'));
  assert.deepEqual(upstreams.web?.health, { path: '/livez', intervalMs: 2_000, timeoutMs: 1_000 });
});

test('a value may come from the environment', () => {
  const variables = ['$', '{HOST}:', '$', '{PORT}'].join('');
  const text = minimal.replace('127.0.0.1:4001', variables);
  assert.deepEqual(parse(text, { HOST: 'web', PORT: '80' }).upstreams.web?.targets, ['http://web:80']);
  assert.deepEqual(mistakes(text, { HOST: 'web' }), ['gateway.yaml:2:20 PORT is not set']);
  assert.deepEqual(mistakes(text, { HOST: 'web', PORT: '80/x"] }\nroutes: []' }).length, 1);
});

test('every mistake is named with its line and column, what was expected and what came', () => {
  for (const [wrong, expected] of [
    [
      minimal.replace('upstream: web', 'upstream: wbe'),
      '5:15 routes[0].upstream must be one of web, got "wbe"',
    ],
    [
      `${minimal}    methods: [GET, FETCH]\n`,
      '6:20 routes[0].methods[1] must be one of GET, HEAD, POST, PUT, PATCH, DELETE, got "FETCH"',
    ],
    [`${minimal}    timeoutMS: 3\n`, '6:5 routes[0].timeoutMS is not known here'],
    [`${minimal}    timeoutMs: fast\n`, '6:16 routes[0].timeoutMs must be integer, got "fast"'],
    [`${minimal}    auth: required\n`, '6:11 routes[0].auth needs a jwt or oidc block'],
    [`${minimal}  - { path: /graphql, upstream: web }\n`, '6:13 routes[1] is there already, as routes[0]'],
    [
      `${minimal}    requestFields: [cookie, x-forwarded-for]\n`,
      '6:29 routes[0].requestFields[1] must be a field name in lower case, none that',
    ],
    [
      `${minimal}    answerFields: { remove: [x-debug, connection] }\n`,
      '6:39 routes[0].answerFields.remove[1] must be a field name in lower case, none that',
    ],
    [
      `${minimal}    answerFields: { set: { x-new: y, content-length: "2" } }\n`,
      '6:38 routes[0].answerFields.set.content-length can not be named here: answer fields by name',
    ],
    [
      `${minimal}    answerFields: { set: { X-New: y } }\n`,
      '6:28 routes[0].answerFields.set.X-New can not be named here: answer fields by name',
    ],
    [
      `${minimal}    answerFields: { set: { x-new: "y\\r\\nx: z" } }\n`,
      '6:35 routes[0].answerFields.set.x-new must be a value in ASCII',
    ],
    [
      `${minimal}    webSocket: { origins: [https://shop.test/] }\n`,
      '6:28 routes[0].webSocket.origins[0] must be an origin as browsers send it',
    ],
    [
      `${minimal}    methods: [POST]\n    webSocket: {}\n`,
      '7:16 routes[0].webSocket needs GET among the methods',
    ],
    [minimal.replace('  web:', '  Web:'), '2:3 upstreams.Web can not be named here: what is behind'],
    [`${minimal}retries: 3\n`, '6:1 retries is not known here'],
    [minimal.replace('/graphql', '/a/../b'), '4:11 routes[0].path must be a path such as'],
    [minimal.replace('/graphql', '/a*'), '4:11 routes[0].path must be a path such as'],
    [
      minimal.replace('http://127.0.0.1:4001', 'localhost:4001'),
      '2:20 upstreams.web.targets[0] must be an http:// or https:// URL',
    ],
    [
      minimal.replace('http://127.0.0.1:4001', 'http://user:secret@host'),
      '2:20 upstreams.web.targets[0] must be an http',
    ],
    ['routes: []\n', '1:1 upstreams is missing'],
    ['', '1:1 upstreams is missing'],
    [
      minimal.replace('"] }', '"], sessionEnds: /ends }'),
      '2:59 upstreams.web.sessionEnds needs an oidc block',
    ],
    ['- 1\n', '1:1 the file must be object'],
    ['routes: [\n', '2:1 '],
    ['port: 1\nport: 2\n', '2:1 Map keys must be unique'],
    [`a: &a [x,x]\nb: &b [*a,*a]\nc: [${'*b,'.repeat(40)}]\n`, ''],
  ] as const) {
    const said = mistakes(wrong);
    assert.ok(
      said.some((line) => line.startsWith(`gateway.yaml:${expected}`)),
      `${wrong}\n=> ${said.join('\n')}`,
    );
  }
});

const signIns = `oidc:
  issuer: https://id.test
  clientId: gateway
  clientSecret: the secret of this test
  publicUrl: https://shop.test
`;

test('an oidc block has defaults, and lets routes know users', () => {
  const { oidc } = parse(`${minimal}    auth: required\n${signIns}`);
  assert.deepEqual(oidc, {
    issuer: 'https://id.test',
    clientId: 'gateway',
    clientSecret: 'the secret of this test',
    publicUrl: 'https://shop.test',
    scope: 'openid profile',
    idleSeconds: 3_600,
    absoluteSeconds: 43_200,
    signInsPerMinute: 300,
  });
});

test('what is wrong with an oidc block is named, and its secret is not', () => {
  for (const [right, wrong, expected] of [
    ['https://shop.test', 'http://shop.test', '10:14 oidc.publicUrl must be the origin'],
    ['https://shop.test', 'https://shop.test/', '10:14 oidc.publicUrl must be the origin'],
    ['https://shop.test', 'https://user@shop.test', '10:14 oidc.publicUrl must be the origin'],
    [
      'the secret of this test',
      '1234567',
      '9:17 oidc.clientSecret must be string, got something else (not shown)',
    ],
    ['clientId: gateway', 'client: gateway', '8:3 oidc.client is not known here'],
    [
      'clientId: gateway',
      'scope: email',
      '8:10 oidc.scope must be scopes separated by spaces, openid among them',
    ],
    ['path: /graphql', 'path: /auth/login', "4:11 routes[0].path is the gateway's own"],
    [
      'upstream: web',
      'upstream: web\n    requestFields: [cookie]',
      '6:20 routes[0].requestFields can not name cookie',
    ],
    ['upstream: web', 'upstream: web\n    scopes: [shop]', '6:13 routes[0].scopes needs auth: required'],
    [
      '4001"] }\nroutes:',
      '4001"], sessionEnds: /graphql }\nroutes:\n  - { path: /*, upstream: web, methods: [POST] }',
      '2:59 upstreams.web.sessionEnds must not be where routes[0] leads',
    ],
    ['upstream: web', 'upstream: web\n    csrf: off', '6:11 routes[0].csrf must be one of strict, none'],
  ] as const) {
    const said = mistakes(`${minimal}${signIns}`.replace(right, wrong));
    assert.ok(
      said.some((line) => line.startsWith(`gateway.yaml:${expected}`)),
      `${wrong}\n=> ${said.join('\n')}`,
    );
  }
});

test('ends of sessions are told to our own instances, where no route leads, however it is written', () => {
  const told = (path: string, more = '') =>
    mistakes(
      `${minimal}${signIns}`
        .replace('4001"] }\nroutes:', `4001"], sessionEnds: "${path}" }\n${more}routes:`)
        .replace('upstream: web', 'upstream: web\n    methods: [POST]'),
    );
  assert.deepEqual(told('/ends'), []);
  for (const path of [
    '//evil.test/x',
    '/x/../graphql',
    '/graphq%6c',
    '/graphql?x',
    '/graphql#x',
    '/graphql/',
  ])
    assert.match(String(told(path)), /sessionEnds must be a plain path/, path);
  for (const path of ['/graphql', '/GraphQL'])
    assert.match(String(told(path)), /sessionEnds must not be where routes\[0\] leads/, path);
  const again = '  same: { targets: ["http://127.0.0.1:4001/"], sessionEnds: /graphql }\n';
  assert.match(
    String(told('/ends', again)),
    /upstreams\.same\.sessionEnds must not be where routes\[0\] leads/,
  );
});

test('all mistakes are said at once', () => {
  assert.equal(mistakes(`${minimal}    timeoutMs: 0\n    retry: 1\nx: 1\n`).length, 3);
});

test('a file that is not there is one clear line', () => {
  assert.throws(() => readGatewayFile('/nowhere/gateway.yaml', {}), {
    message: '/nowhere/gateway.yaml: can not be read (ENOENT)',
  });
});

test('the published JSON Schema is the one that files are checked against', () => {
  const published = readFileSync(new URL('../../gateway.schema.json', import.meta.url), 'utf8');
  assert.deepEqual(JSON.parse(published), JSON.parse(JSON.stringify(gatewayFileSchema)));
});
