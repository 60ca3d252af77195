/** The types of a service's operations, worked out from the `paths` that openapi-typescript generates. */

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
