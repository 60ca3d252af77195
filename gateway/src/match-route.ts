import type { Route } from './routes.ts';

export type MatchRoute = (path: string) => Route | undefined;

/** Finds the route of a path, taken as it is: exact ones first, then the longest prefix. */
export function createRouteMatcher(routes: readonly Route[]): MatchRoute {
  const exact = new Map(
    routes.filter(({ path }) => !path.endsWith('/*')).map((route) => [route.path, route]),
  );
  const below = routes
    .filter(({ path }) => path.endsWith('/*'))
    .map((route) => ({ prefix: route.path.slice(0, -2), route }))
    .sort((a, b) => b.prefix.length - a.prefix.length);

  return (path) =>
    exact.get(path as Route['path']) ??
    below.find(({ prefix }) => path.startsWith(prefix) && (path[prefix.length] ?? '/') === '/')?.route;
}
