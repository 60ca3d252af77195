import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import { admitUser, compileOperation } from './openapi-operation.ts';
import type { Answer, OperationHandlers, OperationRequest } from './openapi-types.ts';
import { Problem } from './problems.ts';
import type { RequestContext } from './request-context.ts';

/**
 * Answers one GET of a document's API within a request, as its router would.
 * @param target path and query
 * @throws Problem as the router answers with, and what the handler throws
 */
export type OpenApiGet = (target: string, context: RequestContext) => Promise<Answer<unknown>>;

/** @param without operations that are not answered so, such as those whose answer is a stream */
export function createOpenApiGet<Operations>(
  document: OpenApiDocument,
  handlers: OperationHandlers<Operations>,
  without: readonly (keyof Operations & string)[],
): OpenApiGet {
  const byId = handlers as unknown as Readonly<
    Record<string, (request: OperationRequest<unknown>) => Promise<Answer<unknown>> | Answer<unknown>>
  >;
  const routes = Object.entries(document.paths).flatMap(([path, { get: operation }]) => {
    const isLeftOut =
      operation === undefined || (without as readonly string[]).includes(operation.operationId);
    const handler = operation && byId[operation.operationId];
    if (isLeftOut || handler === undefined) return [];
    return [
      { match: pathMatcher(path), operation, handler, compiled: compileOperation(operation, document) },
    ];
  });

  return async (target, context) => {
    const [path = ''] = target.split(/[?#]/, 1);
    for (const { match, operation, handler, compiled } of routes) {
      const params = match(path);
      if (params === undefined) continue;
      admitUser(operation, context);
      // Fields that an operation names are of requests by themselves.
      const request = { ...compiled.read(params, target, {}), body: undefined, context };
      return handler(request as unknown as OperationRequest<unknown>);
    }
    throw new Problem('not-found', 'No GET that can be asked for here has this path.');
  };
}

/** The parameters of a path that a template of the document fits, decoded. */
function pathMatcher(template: string): (path: string) => Record<string, string> | undefined {
  const names = [...template.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);
  const literals = template.split(/\{[^}]+\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${literals.join('([^/]+)')}$`);
  return (path) => {
    const found = pattern.exec(path);
    return found === null
      ? undefined
      : Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? '')]));
  };
}
