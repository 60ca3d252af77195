import { parseArgs } from 'node:util';
import { explainRoute } from '@portico/gateway/table/explain-route.ts';
import { GatewayFileError, readGatewayFile } from '@portico/gateway/table/read-gateway-file.ts';
import { type RouteTable, toRouteTable } from '@portico/gateway/table/route-table.ts';

export const routesUsage = `portico routes check [--config gateway.yaml]
portico routes explain <method> <url> [--config gateway.yaml]
`;

/** `portico routes …`: reads a gateway.yaml as the gateway would. Gives the exit code. */
export function runRoutes(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { config: { type: 'string', default: 'gateway.yaml' } },
    allowPositionals: true,
  });
  const [action, method, url] = positionals;
  const known = (action === 'check' && method === undefined) || (action === 'explain' && url !== undefined);
  if (!known) {
    process.stderr.write(`Usage:\n${routesUsage}`);
    return 2;
  }
  try {
    const table = toRouteTable(readGatewayFile(values.config, env));
    const text =
      method !== undefined && url !== undefined ? explainRoute(table, method, url) : listRoutes(table);
    process.stdout.write(`${text}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof GatewayFileError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function listRoutes({ routes, upstreams }: RouteTable): string {
  return routes
    .map(({ host = '', path, methods, upstream, webSocket }) => {
      const taken = webSocket === undefined ? methods : [...methods, 'WebSocket'];
      const to =
        upstream === undefined
          ? 'the gateway itself'
          : `${upstream} (${upstreams[upstream]?.targets.join(', ')})`;
      return `${`${host}${path}`.padEnd(24)} ${taken.join(',').padEnd(16)} -> ${to}`;
    })
    .join('\n');
}
