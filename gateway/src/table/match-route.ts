import type { Route } from './route-table.ts';

/** @param host of the request, in lower case and without a port */
export type MatchRoute = (path: string, host: string) => Route | undefined;

/**
 * Finds the route of a path, taken as it is. Routes of the request's host come before those of any host; then an exact
 * path before a longer prefix before a shorter one. The order in the file means nothing.
 */
export function createRouteMatcher(routes: readonly Route[]): MatchRoute {
  const matchers = new Map(
    [...Map.groupBy(routes, ({ host }) => host)].map(([host, own]) => [host, createPathMatcher(own)]),
  );
  const anyHost = matchers.get(undefined);
  return (path, host) => matchers.get(host)?.(path) ?? anyHost?.(path);
}

function createPathMatcher(routes: readonly Route[]): (path: string) => Route | undefined {
  const isExact = ({ path }: Route) => !path.endsWith('/*');
  const exact = new Map(routes.filter(isExact).map((route) => [route.path, route]));
  const below = routes
    .filter((route) => !isExact(route))
    .map((route) => ({ prefix: route.path.slice(0, -2), route }))
    .sort((a, b) => b.prefix.length - a.prefix.length);

  return (path) =>
    exact.get(path) ??
    below.find(({ prefix }) => path.startsWith(prefix) && (path[prefix.length] ?? '/') === '/')?.route;
}
