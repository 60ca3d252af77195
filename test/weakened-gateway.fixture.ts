import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** An answer on its way back; fields by names in lower case. */
export interface PassingAnswer {
  status: number;
  readonly fields: Record<string, string | readonly string[]>;
  body: Buffer;
}

/** What is done to requests and answers, so that the gateway behind looks weaker than it is. */
export interface Weakness {
  readonly request?: (fields: Record<string, string>, path: string) => void | Promise<void>;
  readonly answer?: (answer: PassingAnswer, path: string, req: IncomingMessage) => void;
}

/** Stands at `port` before the gateway at `target`; `weaken` says how from now on. */
export async function startWeakenedGateway(port: number, target: number) {
  let weakness: Weakness = {};
  const server = createServer(async (req, res) => {
    const sent = await buffer(req);
    const path = req.url ?? '/';
    const fields: Record<string, string> = {
      ...(req.headers as Record<string, string>),
      'content-length': String(sent.length),
    };
    for (const name of ['connection', 'transfer-encoding']) delete fields[name];
    await weakness.request?.(fields, path);
    // A connection a request: none is reused that the gateway is about to end.
    const asked = request({
      port: target,
      host: '127.0.0.1',
      method: req.method,
      path,
      headers: fields,
      agent: false,
    });
    asked.end(sent);
    const [answered] = (await once(asked, 'response')) as [IncomingMessage];
    const answer: PassingAnswer = {
      status: answered.statusCode ?? 500,
      fields: { ...(answered.headers as PassingAnswer['fields']) },
      body: await buffer(answered),
    };
    weakness.answer?.(answer, path, req);
    for (const name of ['content-length', 'transfer-encoding', 'connection']) delete answer.fields[name];
    for (const [name, value] of Object.entries(answer.fields)) res.setHeader(name, value);
    res.writeHead(answer.status).end(answer.body);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    weaken: (next: Weakness) => {
      weakness = next;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const cookiesOf = ({ fields }: PassingAnswer) => [fields['set-cookie'] ?? []].flat();
const eachCookie = (change: (field: string) => string): Weakness => ({
  answer: (answer) => {
    const cookies = cookiesOf(answer);
    if (cookies.length > 0) answer.fields['set-cookie'] = cookies.map(change);
  },
});
const eachLocation = (change: (location: string) => string): Weakness => ({
  answer: ({ fields }) => {
    if (typeof fields.location === 'string') fields.location = change(fields.location);
  },
});
const atSession = (change: (answer: PassingAnswer) => void): Weakness => ({
  answer: (answer, path) => {
    if (path.startsWith('/auth/session')) change(answer);
  },
});

function withoutCheckOfTarget(): Weakness {
  let returnTo = '/';
  return {
    request: (_fields, path) => {
      const { pathname, searchParams } = new URL(path, 'http://x');
      if (pathname === '/auth/login') returnTo = searchParams.get('returnTo') ?? '/';
    },
    answer: ({ status, fields }, path) => {
      if (path.startsWith('/auth/callback') && status === 303) fields.location = returnTo;
    },
  };
}

/** By the name of the check that finds it. */
export const weaknesses: Readonly<Record<string, Weakness>> = {
  'code-grant': eachLocation((location) => location.replace('response_type=code', 'response_type=token')),
  'confidential-client': eachLocation((location) =>
    location.replace(/client_id=[\w-]+/, 'client_id=portico-phone'),
  ),
  pkce: eachLocation((location) =>
    location.replace('code_challenge_method=S256', 'code_challenge_method=plain'),
  ),
  'one-time-values': eachLocation((location) => location.replace(/state=[\w-]+/, 'state=always-the-same')),
  'bound-to-browser': {
    answer: (answer, path) => {
      if (path.startsWith('/auth/callback')) Object.assign(answer, { status: 200 });
    },
  },
  'cookie-http-only': eachCookie((field) => field.replace('; HttpOnly', '')),
  'cookie-same-site': eachCookie((field) => field.replace('SameSite=Strict', 'SameSite=Lax')),
  'cookie-place': eachCookie((field) => `${field}; Domain=localhost`),
  'no-token-in-browser': atSession((answer) => {
    answer.body = Buffer.from(
      `{"sub":"c1","accessToken":"${btoa('{"alg":"RS256"}')}.${btoa('{"sub":"c1","x":1}')}.x"}`,
    );
  }),
  'session-for-users': atSession((answer) => {
    Object.assign(answer, { status: 200, body: Buffer.from('{"sub":"c1"}') });
  }),
  'session-not-cached': atSession(({ fields }) => {
    fields['cache-control'] = 'public, max-age=60';
  }),
  'forged-request': {
    request: (fields) => {
      fields['portico-csrf'] = '1';
    },
  },
  'cookie-stays': {
    answer: (answer, path, { headers }) => {
      if (path === '/auth/logout' && headers.cookie === undefined)
        answer.fields['set-cookie'] = 'portico=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict';
    },
  },
  'own-field': {
    request: (fields) => {
      fields['sec-fetch-site'] = 'same-origin';
    },
  },
  'closed-proxy': {
    request: async ({ cookie = '' }, path) => {
      if (path.startsWith('http://')) await fetch(path, { headers: { cookie } });
    },
  },
  'cors-denied': {
    answer: ({ fields }, _path, { headers }) => {
      if (headers.origin !== undefined) fields['access-control-allow-origin'] = headers.origin;
    },
  },
  'new-session-id': {
    answer: (answer, path, { headers }) => {
      if (!path.startsWith('/auth/callback') || !/\bportico=/.test(headers.cookie ?? '')) return;
      answer.fields['set-cookie'] = cookiesOf(answer).filter((field) => !field.startsWith('portico='));
    },
  },
  'own-pages-only': withoutCheckOfTarget(),
  'logout-ends-session': {
    request: (fields, path) => {
      if (path === '/auth/logout') fields.cookie = '';
    },
  },
};
