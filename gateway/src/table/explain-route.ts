import { Problem } from '@portico/runtime/problems.ts';
import { hostOf } from '../middleware/choose-route.ts';
import { checkTarget, pathOf } from '../middleware/refuse-target.ts';
import type { Method } from './gateway-file.ts';
import { createRouteMatcher } from './match-route.ts';
import type { RouteTable } from './route-table.ts';

/** What a gateway would do with a request, in a line or two for people. */
export function explainRoute({ routes, upstreams }: RouteTable, method: string, url: string): string {
  const [, host = '', target = ''] = /^(?:https?:\/\/([^/?#]*))?(\/?[^#]*)$/.exec(url) ?? [];
  const path = pathOf(target);
  try {
    checkTarget(target);
  } catch (error) {
    if (error instanceof Problem) return `${error.status}: ${error.message}`;
    throw error;
  }
  const route = createRouteMatcher(routes)(path, hostOf(host));
  if (route === undefined)
    return `404: no route has the path ${path}${host === '' ? '' : ` on ${hostOf(host)}`}`;
  const name = `${route.host ?? ''}${route.path}`;
  if (!route.methods.includes(method as Method)) {
    return `405: the route ${name} takes ${route.methods.join(', ')}, not ${method}`;
  }
  if (route.upstream === undefined) return `${method} ${path} is answered by the gateway itself`;
  const { webSocket } = route;
  return [
    `${method} ${path} goes by the route ${name} to ${route.upstream} (${upstreams[route.upstream]?.targets.join(', ')})`,
    `  within ${route.timeoutMs} ms, with a body of at most ${route.maxBodyBytes} bytes`,
    `  and the request fields ${[...route.requestFields].sort().join(', ')}`,
    ...(webSocket === undefined || method !== 'GET'
      ? []
      : [
          `  or as a WebSocket, of pages of its own origin${webSocket.origins.map((origin) => `, ${origin}`).join('')}`,
        ]),
  ].join('\n');
}
