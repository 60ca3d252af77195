import type { Requirement } from '@portico/change-stream/node/change-node.ts';
import type { Identity } from '@portico/runtime/access-token.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { GetBody, GetParameters, GetPath } from '@portico/service-client/operation-types.ts';
import { type TargetParameters, toTarget } from '@portico/service-client/read-operations.ts';
import type { ServiceClient } from '@portico/service-client/service-client.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import DataLoader from 'dataloader';
import type { Answer, FillMany } from './fill-keys.ts';
import type { CacheRead, ReadCache } from './read-cache.ts';
import type { Deadline } from './shared-fills.ts';

type ItemOf<Paths, Path extends keyof Paths> =
  GetBody<Paths, Path> extends { readonly items: readonly (infer Item)[] } ? Item : never;

/** The paths that answer with `items`, which those with a batch parameter `ids` do. */
export type BatchPath<Paths> = {
  [Path in GetPath<Paths>]: [ItemOf<Paths, Path>] extends [never] ? never : Path;
}[GetPath<Paths>];

type OtherQuery<Paths, Path extends GetPath<Paths>> = Omit<
  NonNullable<GetParameters<Paths, Path>['query']>,
  'ids'
>;

export interface LoaderOptions<Item, Missing> {
  readonly context: RequestContext;
  /** Which of the ids asked for an item is the answer to. */
  readonly idOf: (item: Item) => string;
  /** Stands for an id that the service knows nothing of; null if not given. */
  readonly toMissing?: (id: string) => Missing;
}

/** Reads one service through the cache, typed by its OpenAPI document. */
export interface CachedService<Paths> {
  /**
   * The answer of one GET; null for a 404.
   * @throws ServiceError, or the reason of the context's signal.
   */
  get<Path extends GetPath<Paths>>(
    path: Path,
    parameters: GetParameters<Paths, Path>,
    context: RequestContext,
  ): Promise<GetBody<Paths, Path> | null>;
  /**
   * A DataLoader for one request: joins single reads into calls with `?ids=`, none above the service's limit, and asks the
   * service only for what the cache does not have. Each id is cached by itself, whatever batch it came in.
   */
  loader<Path extends BatchPath<Paths>, Missing = null>(
    path: Path,
    query: OtherQuery<Paths, Path>,
    options: LoaderOptions<ItemOf<Paths, Path>, Missing>,
  ): DataLoader<string, ItemOf<Paths, Path> | Missing>;
}

/** What is used of a service's client. */
export type Reads<Paths> = Pick<ServiceClient<Paths>, 'service' | 'get' | 'batchLimit' | 'needsUser'>;

/**
 * What an answer was made from, as tags: of the answer of one GET, or of one item of a batch, whose parameters have the
 * one id then. The answer is null for what doesn't exist.
 * @throws when it can't say; then the answer is not kept.
 */
export type TagsOf = (
  service: string,
  path: string,
  parameters: TargetParameters,
  answer: unknown,
) => readonly string[];

export interface CachedServiceOptions {
  /** Without it, answers of a service whose changes are followed are not kept. */
  readonly tagsOf?: TagsOf | undefined;
  /** What the client of a request has to see. */
  readonly requirementOf?: ((context: RequestContext) => Requirement | undefined) | undefined;
  /** Told of each answer, so that a whole can be known by its parts. */
  readonly onRead?: ((context: RequestContext, read: CacheRead<unknown>) => void) | undefined;
}

/** Puts the cache in front of a service's client. Answers are frozen: other requests have the same ones. */
export function createCachedService<Paths>(
  client: Reads<Paths>,
  cache: ReadCache,
  { tagsOf, requirementOf, onRead }: CachedServiceOptions = {},
): CachedService<Paths> {
  const keyOf = (path: GetPath<Paths>, parameters: TargetParameters, { identity }: RequestContext) => {
    const target = toTarget(path, { ...parameters, query: sorted(parameters.query ?? {}) });
    const user = client.needsUser(path) && identity !== undefined ? ` as ${keyOfUser(identity)}` : '';
    return `${client.service}${user} ${target}`;
  };

  const toAnswer = <T>(path: string, parameters: TargetParameters, value: T): Answer<T> => {
    if (tagsOf === undefined) return { value };
    try {
      return { value, tags: tagsOf(client.service, path, parameters, value) };
    } catch {
      return { value, keep: false };
    }
  };

  const read = async <T>(keys: readonly string[], fill: FillMany<T>, context: RequestContext) => {
    const { signal, deadline } = context;
    const requires = requirementOf?.(context);
    const reads = await cache.readMany(keys, fill, { signal, deadline, sources: [client.service], requires });
    count(reads, context);
    if (onRead !== undefined) for (const each of reads) onRead(context, each);
    return reads;
  };

  return {
    get: async (path, parameters, context) => {
      const given = parameters as TargetParameters;
      const fill = async (_keys: readonly string[], signal: AbortSignal, deadline: Deadline) => {
        const body = await client.get(path, parameters, { context, signal, deadline }).catch(nullWhenMissing);
        return [toAnswer(path, given, body)];
      };
      const reads = await read([keyOf(path, given, context)], fill, context);
      const value = valueOrError(reads[0]);
      if (value instanceof Error) throw value;
      return value;
    },

    loader: (path, query, options) => {
      const { context, idOf, toMissing = () => null as never } = options;
      const prefix = `${keyOf(path, { query }, context)} #`;
      const fill = async (keys: readonly string[], signal: AbortSignal, deadline: Deadline) => {
        const ids = keys.map((key) => key.slice(prefix.length));
        // `ids` is the batch parameter of every path that this is for, which the types of the path can't say here.
        const parameters = { query: { ...query, ids } } as unknown as GetParameters<Paths, typeof path>;
        const body = await client.get(path, parameters, { context, signal, deadline });
        const { items } = body as { items: readonly ItemOf<Paths, typeof path>[] };
        const byId = new Map(items.map((item) => [idOf(item), item]));
        return ids.map((id) => toAnswer(path, { query: { ...query, ids: [id] } }, byId.get(id) ?? null));
      };
      const load = async (ids: readonly string[]) => {
        const keys = ids.map((id) => prefix + id);
        const reads = await read(keys, fill, context);
        return ids.map((id, at) => valueOrError(reads[at]) ?? toMissing(id));
      };
      return new DataLoader(load, { maxBatchSize: client.batchLimit(path) });
    },
  };
}

/**
 * All of an identity that an answer can depend on, so that nobody is ever given what was read for somebody else, or for
 * the same user with other rights. It has no space, and so no end that a name could feign.
 */
function keyOfUser({ subject, roles, scopes }: Identity): string {
  return encodeURIComponent(JSON.stringify([subject, roles.toSorted(), scopes.toSorted()]));
}

/** The order of parameters means nothing. */
function sorted(query: object): object {
  return Object.fromEntries(Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** That something doesn't exist is an answer, and can be kept like any other. */
function nullWhenMissing(error: unknown): null {
  if (error instanceof ServiceError && error.kind === 'refused' && error.status === 404) return null;
  throw error;
}

/** For `Cache-Status`: a hit was stored (RFC 9211 section 2.1); joining the call of another request is a miss. */
function count(reads: readonly CacheRead<unknown>[], { cache }: RequestContext): void {
  const misses = reads.filter(({ source }) => source === 'fill' || source === 'joined').length;
  cache.misses += misses;
  cache.hits += reads.length - misses;
}

function valueOrError<T>(read: CacheRead<T> | undefined): T | Error {
  if (read !== undefined && 'value' in read) return read.value;
  return read?.error instanceof Error ? read.error : new Error('the read failed', { cause: read?.error });
}
