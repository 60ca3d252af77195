import { type AnswerFields, createAnswerFields, usualAnswerFields } from '../forward/answer-fields.ts';
import { authRoutes } from './auth-routes.ts';
import type { FileRoute, GatewayFile, Method } from './gateway-file.ts';

/** What gets through: a request that no route names is refused. */
export interface Route {
  /** Exact (`/graphql`), or by whole segments: `/api/v1/*` is `/api/v1` and everything below it. */
  readonly path: string;
  /** In lower case; any host when undefined. */
  readonly host: string | undefined;
  readonly methods: readonly Method[];
  /** Undefined where the gateway answers itself. */
  readonly upstream: string | undefined;
  /** What of the gateway itself answers. */
  readonly endpoint?: AuthEndpoint | undefined;
  /** From the request's arrival to the last byte of its answer; an event stream only has to begin in it. */
  readonly timeoutMs: number;
  /** The gateway's own when undefined, in milliseconds. */
  readonly firstByteTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  readonly maxBodyBytes: number;
  /** Whether a user, by an access token or a session, doesn't count, may be there or has to be. */
  readonly auth: FileRoute['auth'];
  /** What an access token has to be for; any will do when undefined. */
  readonly scopes?: FileRoute['scopes'] | undefined;
  /** What becomes of users who can't be looked up; they are refused when undefined. */
  readonly unknownUser?: FileRoute['unknownUser'] | undefined;
  /** What requests with the session cookie have to show; the strict way when undefined. */
  readonly csrf?: FileRoute['csrf'] | undefined;
  /** How clients carry what they have to see (`Portico-Consistency`). */
  readonly consistency?: FileRoute['consistency'];
  /** Any number of requests when undefined. */
  readonly rateLimit: FileRoute['rateLimit'];
  /** Whether a GET may become a WebSocket, and of what kind. */
  readonly webSocket?: FileRoute['webSocket'];
  /** Request fields that are passed on, in lower case. Every other is left out. */
  readonly requestFields: ReadonlySet<string>;
  /** What becomes of the fields of answers. */
  readonly answerFields: AnswerFields;
}

/** What the gateway answers itself, below `/auth`. */
export type AuthEndpoint = 'login' | 'callback' | 'logout' | 'session' | 'backchannel-logout';

/** By which users sign in. */
export type OidcTable = NonNullable<GatewayFile['oidc']>;

/** The instances of what is behind the gateway under one name. */
export type UpstreamTable = GatewayFile['upstreams'][string];

/** What a gateway decides by. */
export interface RouteTable {
  readonly upstreams: Readonly<Record<string, UpstreamTable>>;
  readonly routes: readonly Route[];
  /** How many WebSockets may be open at a time; none when undefined. */
  readonly maxWebSockets?: number | undefined;
  /** Whose access tokens count; undefined where no route asks for one. */
  readonly jwt?: GatewayFile['jwt'] | undefined;
  /** By which users sign in and have sessions; nobody does when undefined. */
  readonly oidc?: OidcTable | undefined;
}

/** Which form of an answer the client wants, what it has already, and who it says it is. */
const fieldsOfReads = [
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'if-modified-since',
  'if-none-match',
  'user-agent',
];
const fieldsOfBodies = ['content-encoding', 'content-type'];

export function toRouteTable({ upstreams, routes, jwt, oidc, maxWebSockets }: GatewayFile): RouteTable {
  const own = oidc === undefined ? [] : authRoutes(oidc, new Set(routes.map(({ host }) => host)));
  return { upstreams, routes: [...routes.map(toRoute), ...own], jwt, oidc, maxWebSockets };
}

function toRoute({ maxBodyBytes, requestFields, answerFields, ...route }: FileRoute): Route {
  const { path, host, methods, upstream, timeoutMs, auth, scopes, unknownUser, csrf, consistency } = route;
  const { rateLimit, webSocket } = route;
  const { firstByteTimeoutMs, idleTimeoutMs } = route;
  const readsOnly = methods.every((method) => method === 'GET' || method === 'HEAD');
  return {
    path,
    host,
    methods,
    upstream,
    timeoutMs,
    firstByteTimeoutMs,
    idleTimeoutMs,
    auth,
    scopes,
    unknownUser,
    csrf,
    consistency,
    rateLimit,
    webSocket,
    maxBodyBytes: maxBodyBytes ?? (readsOnly ? 0 : 1_000_000),
    requestFields: new Set([
      ...fieldsOfReads,
      ...(readsOnly ? [] : fieldsOfBodies),
      ...(auth === 'none' ? [] : ['authorization']),
      ...(consistency === 'none' ? [] : ['portico-consistency']),
      ...requestFields,
    ]),
    answerFields: answerFields === undefined ? usualAnswerFields : createAnswerFields(answerFields),
  };
}
