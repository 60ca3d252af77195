import type { Requirement } from '@portico/change-stream/node/change-node.ts';
import type { Identity } from '@portico/runtime/access-token.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type {
  CommandBody,
  CommandMethod,
  CommandParameters,
  CommandPath,
  GetBody,
  GetParameters,
  GetPath,
} from '@portico/service-client/operation-types.ts';
import { type TargetParameters, toTarget } from '@portico/service-client/read-operations.ts';
import type { ServiceClient } from '@portico/service-client/service-client.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import DataLoader from 'dataloader';
import { countReads } from './count-reads.ts';
import type { Answer, FillMany } from './fill-keys.ts';
import { keyOfUser } from './key-of-user.ts';
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
  /**
   * Sends a command, and gives what the service answered. What the context reads from then on has to show it; what it
   * has read is as it was.
   * @throws ServiceError
   */
  command<Method extends CommandMethod, Path extends CommandPath<Paths, Method>>(
    method: Method,
    path: Path,
    parameters: CommandParameters<Paths, Method, Path>,
    context: RequestContext,
  ): Promise<CommandBody<Paths, Method, Path>>;
}

/** What is used of a service's client. */
export type Calls<Paths> = Pick<
  ServiceClient<Paths>,
  'service' | 'get' | 'command' | 'batchLimit' | 'needsUser'
>;

/**
 * What an answer was made from, as tags. The answer of one GET is null for what doesn't exist; an item of a batch comes as
 * the same read would with that one id, so that `items` has the item or nothing.
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
  /** Told of the `Commit-Id` of each command, before its answer is given. */
  readonly onCommit?: ((context: RequestContext, service: string, commitId: string) => void) | undefined;
}

/** Puts the cache in front of a service's client. Answers are frozen: other requests have the same ones. */
export function createCachedService<Paths>(
  client: Calls<Paths>,
  cache: ReadCache,
  { tagsOf, requirementOf, onRead, onCommit }: CachedServiceOptions = {},
): CachedService<Paths> {
  const userOf = (path: GetPath<Paths>, { identity }: RequestContext) =>
    client.needsUser(path) ? identity : undefined;
  const keyOf = (path: GetPath<Paths>, parameters: TargetParameters, user: Identity | undefined) => {
    const target = toTarget(path, { ...parameters, query: sorted(parameters.query ?? {}) });
    return `${client.service}${user === undefined ? '' : ` as ${keyOfUser(user)}`} ${target}`;
  };

  const toAnswer = <T>(
    path: string,
    parameters: TargetParameters,
    value: T,
    body: unknown = value,
  ): Answer<T> => {
    if (tagsOf === undefined) return { value };
    try {
      return { value, tags: tagsOf(client.service, path, parameters, body) };
    } catch {
      return { value, keep: false };
    }
  };

  const read = async <T>(
    keys: readonly string[],
    fill: FillMany<T>,
    context: RequestContext,
    user: Identity | undefined,
  ) => {
    const { signal, deadline } = context;
    const reads = await cache.readMany(keys, fill, {
      signal,
      deadline,
      sources: [client.service],
      requires: requirementOf?.(context),
      owner: user?.subject,
    });
    countReads(reads, context);
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
      const user = userOf(path, context);
      const reads = await read([keyOf(path, given, user)], fill, context, user);
      const value = valueOrError(reads[0]);
      if (value instanceof Error) throw value;
      return value;
    },

    command: async (method, path, parameters, context) => {
      const { body, commitId } = await client.command(method, path, parameters, { context });
      if (commitId !== undefined) onCommit?.(context, client.service, commitId);
      return body;
    },

    loader: (path, query, options) => {
      const { context, idOf, toMissing = () => null as never } = options;
      const user = userOf(path, context);
      const prefix = `${keyOf(path, { query }, user)} #`;
      const fill = async (keys: readonly string[], signal: AbortSignal, deadline: Deadline) => {
        const ids = keys.map((key) => key.slice(prefix.length));
        // `ids` is the batch parameter of every path that this is for, which the types of the path can't say here.
        const parameters = { query: { ...query, ids } } as unknown as GetParameters<Paths, typeof path>;
        const body = await client.get(path, parameters, { context, signal, deadline });
        const { items } = body as { items: readonly ItemOf<Paths, typeof path>[] };
        const byId = new Map(items.map((item) => [idOf(item), item]));
        return ids.map((id) => {
          const item = byId.get(id);
          const asked = { query: { ...query, ids: [id] } };
          return toAnswer(path, asked, item ?? null, { items: item === undefined ? [] : [item] });
        });
      };
      const load = async (ids: readonly string[]) => {
        const keys = ids.map((id) => prefix + id);
        const reads = await read(keys, fill, context, user);
        return ids.map((id, at) => valueOrError(reads[at]) ?? toMissing(id));
      };
      return new DataLoader(load, { maxBatchSize: client.batchLimit(path) });
    },
  };
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

function valueOrError<T>(read: CacheRead<T> | undefined): T | Error {
  if (read !== undefined && 'value' in read) return read.value;
  return read?.error instanceof Error ? read.error : new Error('the read failed', { cause: read?.error });
}
