import Type, { type Static } from 'typebox';

const port = Type.Integer({ minimum: 0, maximum: 65535 });
const methodNames = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
/** As regular expressions. */
const setByGateway = [
  'connection|content-length|expect|forwarded|host|http2-settings|keep-alive|te|trailer|transfer-encoding|upgrade|via',
  'portico-.*|sec-websocket-.*|proxy-.*|traceparent|tracestate|x-forwarded-.*|x-request-id',
];
/** Of answers: what ends at the gateway, what says where a body ends or how to read it, and what the gateway says itself. */
const notToBeChanged =
  'connection|content-encoding|content-length|content-range|keep-alive|proxy-.*|ratelimit(?:-policy)?|te|trailer|' +
  'transfer-encoding|upgrade|via|x-request-id';
const answerFieldName = `^(?!(?:${notToBeChanged})$)[a-z0-9][a-z0-9-]*$`;
const answerFieldMeaning =
  'a field name in lower case, none that ends at the gateway, frames a body or that the gateway alone knows';
const strict = { additionalProperties: false };

/** What is behind the gateway under one name. */
const upstreamSchema = Type.Object(
  {
    targets: Type.Array(
      Type.String({
        pattern: '^https?://[^\\s/?#@]+/?$',
        description: 'an http:// or https:// URL without a path',
      }),
      { minItems: 1, maxItems: 64, uniqueItems: true, description: 'where its instances listen' },
    ),
    health: Type.Optional(
      Type.Object(
        {
          path: Type.String({
            pattern: '^/',
            description: 'a path that an instance answers with 2xx while it is well',
          }),
          intervalMs: Type.Integer({
            minimum: 10,
            maximum: 600_000,
            default: 2_000,
            description: 'between two checks',
          }),
          timeoutMs: Type.Integer({
            minimum: 10,
            maximum: 60_000,
            default: 1_000,
            description: 'of one check',
          }),
        },
        {
          ...strict,
          description: 'checks every instance while nothing else is asked of it; none when left out',
        },
      ),
    ),
    sessionEnds: Type.Optional(
      Type.String({
        pattern: "^(?!.*/\\.{1,2}(?:/|$))(?:/[\\w\\-.~!$&'()+,=:@]+)+$",
        description:
          'a plain path to which the gateway posts, at every instance, of which users a session has ended, so that what is kept for them ' +
          'alone is dropped; needs oidc; nobody is told when left out',
      }),
    ),
  },
  strict,
);

/** By which users sign in and have sessions. */
const oidcSchema = Type.Object(
  {
    issuer: Type.String({
      pattern: '^https?://[^\\s@?#]+$',
      description: 'an http:// or https:// URL of an OpenID provider, to the letter as it calls itself',
    }),
    clientId: Type.String({ minLength: 1, description: 'what the provider knows this gateway by' }),
    clientSecret: Type.String({ minLength: 1, description: 'what this gateway proves that with' }),
    publicUrl: Type.String({
      pattern:
        '^(?:https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|http://(?:localhost|127\\.0\\.0\\.1|\\[::1\\]))(?::[1-9][0-9]{0,4})?$',
      description:
        "the origin at which browsers reach this gateway, in lower case, without a path and the scheme's usual port: https://, or http:// on this machine",
    }),
    scope: Type.String({
      pattern: '^(?:.* )?openid(?: .*)?$',
      default: 'openid profile',
      description: 'scopes separated by spaces, openid among them',
    }),
    idleSeconds: Type.Integer({
      minimum: 1,
      maximum: 31_536_000,
      default: 3_600,
      description: 'a session ends when it was not used for so long',
    }),
    absoluteSeconds: Type.Integer({
      minimum: 1,
      maximum: 31_536_000,
      default: 43_200,
      description: 'a session ends so long after its sign-in in any case',
    }),
    signInsPerMinute: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 300,
      description: 'how many sign-ins may begin, and come back, from one address',
    }),
  },
  {
    ...strict,
    description:
      'has users sign in at an OpenID provider, and keeps their tokens in a session that a browser has no more than an id of; needs ' +
      'PORTICO_SESSION_SECRET',
  },
);

const routeSchema = Type.Object(
  {
    path: Type.String({
      pattern: "^(?!.*/\\.{1,2}(?:/|$))/(?:[\\w\\-.~!$&'()+,=:@]+/)*(?:[\\w\\-.~!$&'()+,=:@]+|\\*)?$",
      description: 'a path such as /graphql, or /api/* for /api and everything below it, by whole segments',
    }),
    host: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$',
        description: 'a host name in lower case, without a port; any host when left out',
      }),
    ),
    upstream: Type.String({ description: 'a name out of upstreams' }),
    methods: Type.Array(Type.Enum([...methodNames]), {
      minItems: 1,
      uniqueItems: true,
      default: ['GET', 'HEAD'],
      description: 'the methods that get through',
    }),
    auth: Type.Enum(['none', 'optional', 'required'], {
      default: 'none',
      description:
        'whether requests have a user, by an access token or a session: neither counts, may be there, or has to be; needs jwt or oidc',
    }),
    scopes: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[!#-\\[\\]-~]+$',
          description: 'a scope (RFC 6749 section 3.3): visible ASCII without spaces, quotes and backslashes',
        }),
        {
          minItems: 1,
          maxItems: 20,
          uniqueItems: true,
          description:
            'what an access token has to be for, all of them; needs auth: required; any token when left out',
        },
      ),
    ),
    unknownUser: Type.Enum(['refuse', 'tell'], {
      default: 'refuse',
      description:
        'what becomes of a request with a session cookie while nobody can say whose it is, where auth is optional: a 503, or it ' +
        'goes on with "Portico-User: unknown", so that those behind show what anybody may see, and say of the rest that it is not ' +
        'available',
    }),
    csrf: Type.Enum(['strict', 'none'], {
      default: 'strict',
      description:
        'what requests with the session cookie have to show, so that no page of another origin brings them about: ' +
        '"Portico-CSRF: 1", or for reads Sec-Fetch-Site: same-origin, or for WebSockets the exact Origin; or nothing',
    }),
    consistency: Type.Enum(['none', 'field', 'cookie'], {
      default: 'none',
      description:
        'how clients carry what they have to see (Portico-Consistency): not, by the field that they send, or, if they send none, ' +
        'by a cookie of 10 s that the gateway keeps for them',
    }),
    timeoutMs: Type.Integer({
      minimum: 1,
      maximum: 600_000,
      default: 10_000,
      description:
        "from a request's arrival to the last byte of its answer; an event stream only has to begin in it",
    }),
    firstByteTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 600_000,
        description:
          'from the sent request to the first byte of its answer; PORTICO_FIRST_BYTE_TIMEOUT_MS when left out',
      }),
    ),
    idleTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400_000,
        description:
          'how long nothing of an answer, event stream or WebSocket may move; PORTICO_IDLE_TIMEOUT_MS when left out',
      }),
    ),
    maxBodyBytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000,
        description:
          'the largest body of a request; 1,000,000 when left out, 0 where only GET and HEAD get through',
      }),
    ),
    rateLimit: Type.Optional(
      Type.Object(
        {
          requests: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
          perSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
          by: Type.Enum(['address', 'user'], {
            default: 'address',
            description: 'user counts those without an access token by address',
          }),
        },
        {
          ...strict,
          description: 'how many requests one address or user may send; any number when left out',
        },
      ),
    ),
    webSocket: Type.Optional(
      Type.Object(
        {
          origins: Type.Array(
            Type.String({
              pattern: '^https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$',
              description:
                'an origin as browsers send it: scheme, host in lower case, port if it is not the usual one',
            }),
            {
              maxItems: 100,
              uniqueItems: true,
              default: [],
              description:
                "whose pages may open one, beside the gateway's own; programs that are no browsers always may",
            },
          ),
          maxOpenMs: Type.Optional(
            Type.Integer({
              minimum: 10,
              maximum: 604_800_000,
              description: 'how long it may last; for ever when left out',
            }),
          ),
        },
        {
          ...strict,
          description: 'lets a GET become a WebSocket, in the time of timeoutMs; none does when left out',
        },
      ),
    ),
    requestFields: Type.Array(
      Type.String({
        pattern: `^(?!(?:${setByGateway.join('|')})$)[a-z0-9][a-z0-9-]*$`,
        description: 'a field name in lower case, none that the gateway sets itself or that ends at it',
      }),
      {
        maxItems: 50,
        uniqueItems: true,
        default: [],
        description: 'request fields that are passed on beside those that every route passes on',
      },
    ),
    answerFields: Type.Optional(
      Type.Object(
        {
          remove: Type.Array(Type.String({ pattern: answerFieldName, description: answerFieldMeaning }), {
            maxItems: 50,
            uniqueItems: true,
            default: [],
            description: 'answer fields that are left out',
          }),
          set: Type.Record(
            Type.String({ pattern: answerFieldName }),
            Type.String({
              pattern: '^[!-~](?:[\\t -~]*[!-~])?$',
              maxLength: 8_000,
              description: 'a value in ASCII without spaces around it',
            }),
            {
              additionalProperties: false,
              maxProperties: 50,
              default: {},
              description: `answer fields by name, instead of the upstream's: ${answerFieldMeaning}`,
            },
          ),
        },
        {
          ...strict,
          description:
            "changes the fields of the upstream's answers, and the security fields that the gateway gives them; its own " +
            'refusals stay as they are',
        },
      ),
    ),
  },
  strict,
);

/** What a gateway.yaml may hold. */
export const gatewayFileSchema = Type.Object(
  {
    port: Type.Integer({ ...port, default: 8080, description: 'the public port; PORTICO_PORT wins' }),
    adminPort: Type.Integer({ ...port, default: 9901, description: 'on 127.0.0.1; PORTICO_ADMIN_PORT wins' }),
    maxWebSockets: Type.Integer({
      minimum: 0,
      maximum: 100_000,
      default: 1_000,
      description: 'how many may be open at a time',
    }),
    jwt: Type.Optional(
      Type.Object(
        {
          issuer: Type.String({
            pattern: '^https?://[^\\s@?#]+$',
            description: 'an http:// or https:// URL, to the letter as in the tokens',
          }),
          audience: Type.String({ minLength: 1, description: 'whom a token must be meant for' }),
          jwksUrl: Type.Optional(
            Type.String({
              pattern: '^https?://[^\\s@]+$',
              description: 'the http:// or https:// URL of the keys',
            }),
          ),
        },
        { ...strict, description: 'whose access tokens (JWTs, RFC 9068) count' },
      ),
    ),
    oidc: Type.Optional(oidcSchema),
    upstreams: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), upstreamSchema, {
      minProperties: 1,
      additionalProperties: false,
      description:
        'what is behind the gateway, by names in lower case: a letter, then letters, digits and "-"',
    }),
    routes: Type.Array(routeSchema, { minItems: 1, maxItems: 1_000, description: 'what gets through' }),
  },
  { ...strict, title: 'gateway.yaml', $schema: 'https://json-schema.org/draft/2020-12/schema' },
);

export type GatewayFile = Static<typeof gatewayFileSchema>;
export type FileRoute = GatewayFile['routes'][number];
export type Method = (typeof methodNames)[number];
