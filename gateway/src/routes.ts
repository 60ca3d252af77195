export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Base URLs of what is behind the gateway, by name. */
export interface UpstreamUrls {
  readonly web: string;
  readonly mobile: string;
  readonly site?: string | undefined;
}
export type UpstreamName = keyof UpstreamUrls;

/** What gets through: a request that no route names is refused. */
export interface Route {
  /** Exact (`/graphql`), or by whole segments: `/api/v1/*` is `/api/v1` and everything below it. */
  readonly path: `/${string}`;
  readonly methods: readonly Method[];
  readonly upstream: UpstreamName;
  /** From the request's arrival to the last byte of its answer; an event stream only has to begin in it. */
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  /** Request fields that are passed on, in lower case. Every other is left out. */
  readonly requestFields: ReadonlySet<string>;
}

const reads = ['GET', 'HEAD'] as const;
const readLimits = { timeoutMs: 10_000, maxBodyBytes: 0 };

/** What says which form of an answer the client wants, and who it says it is. */
const commonFields = ['accept', 'accept-encoding', 'accept-language', 'cache-control', 'user-agent'];
const conditionalFields = ['if-none-match', 'if-modified-since'];

const readFields = new Set([...commonFields, ...conditionalFields]);
const graphqlFields = new Set([...commonFields, 'content-type', 'content-encoding']);
const appFields = new Set([...readFields, 'x-app-version']);

/** The route table. The site's paths are there where there is a site. */
export function createRoutes(urls: UpstreamUrls): readonly Route[] {
  const site = (path: Route['path']): Route => {
    return { path, methods: reads, upstream: 'site', ...readLimits, requestFields: readFields };
  };
  const mobile = (path: Route['path']): Route => {
    return { path, methods: reads, upstream: 'mobile', ...readLimits, requestFields: appFields };
  };
  return [
    {
      path: '/graphql',
      methods: ['GET', 'HEAD', 'POST'],
      upstream: 'web',
      timeoutMs: 10_000,
      maxBodyBytes: 1_000_000,
      requestFields: graphqlFields,
    },
    mobile('/api/v1/*'),
    mobile('/api/openapi.json'),
    mobile('/api/docs/*'),
    ...(urls.site === undefined ? [] : [site('/'), site('/site/*'), site('/status.json'), site('/images/*')]),
  ];
}
