/** The types of a service's operations, worked out from the `paths` that openapi-typescript generates. */

import type { SuccessBody } from '@portico/runtime/openapi-types.ts';

type Get<Paths, Path extends keyof Paths> = Paths[Path] extends { get: infer Operation } ? Operation : never;

/** The paths that have a GET. */
export type GetPath<Paths> = {
  [Path in keyof Paths]: [Get<Paths, Path>] extends [never] ? never : Path;
}[keyof Paths] &
  string;

/** What a GET of this path answers with. */
export type GetBody<Paths, Path extends keyof Paths> =
  Get<Paths, Path> extends { responses: { 200: { content: { 'application/json': infer Body } } } }
    ? Body
    : never;

type Parameters<Operation, Where extends string> = Operation extends {
  parameters: { [where in Where]?: infer Values };
}
  ? Exclude<Values, undefined>
  : never;

type Group<Name extends string, Values> = [Values] extends [never]
  ? { readonly [name in Name]?: never }
  : Partial<Values> extends Values
    ? { readonly [name in Name]?: Values }
    : { readonly [name in Name]: Values };

/** The path and query parameters that a GET of this path takes. */
export type GetParameters<Paths, Path extends keyof Paths> = Group<
  'path',
  Parameters<Get<Paths, Path>, 'path'>
> &
  Group<'query', Parameters<Get<Paths, Path>, 'query'>>;

/** The methods of commands. */
export type CommandMethod = 'post' | 'put' | 'patch' | 'delete';

type Command<Paths, Method extends CommandMethod, Path extends keyof Paths> = Paths[Path] extends {
  [method in Method]: infer Operation;
}
  ? Operation
  : never;

/** The paths that have a command with this method. */
export type CommandPath<Paths, Method extends CommandMethod> = {
  [Path in keyof Paths]: [Command<Paths, Method, Path>] extends [never] ? never : Path;
}[keyof Paths] &
  string;

/** What a command answers with when it is done. */
export type CommandBody<Paths, Method extends CommandMethod, Path extends keyof Paths> = SuccessBody<
  Command<Paths, Method, Path>
>;

type SentBody<Operation> = Operation extends {
  requestBody: { content: { 'application/json': infer Body } };
}
  ? Body
  : never;

/** The path and query parameters, header fields and body that a command takes. */
export type CommandParameters<Paths, Method extends CommandMethod, Path extends keyof Paths> = Group<
  'path',
  Parameters<Command<Paths, Method, Path>, 'path'>
> &
  Group<'query', Parameters<Command<Paths, Method, Path>, 'query'>> &
  Group<'header', Parameters<Command<Paths, Method, Path>, 'header'>> &
  Group<'body', SentBody<Command<Paths, Method, Path>>>;
