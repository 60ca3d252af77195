import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import type { Load } from './load.ts';
import { median, quantile } from './statistics.ts';

export interface GatewayCpuOptions {
  /** Requests to each proxy that aren't counted: its code is compiled in their time. */
  readonly warmUpRequests: number;
  /** Every round measures each proxy once, one after the other; a short round meets the same machine. */
  readonly rounds: number;
  readonly requestsPerRound: number;
  readonly connections: number;
}

export interface ProxyCost {
  readonly name: string;
  /** CPU time of the proxy's process per request, in microseconds: the median of the rounds. */
  readonly cpuUs: number;
  /** To the first proxy of the same round: the median, and the quartiles around it. */
  readonly ratio: number;
  readonly ratioFrom: number;
  readonly ratioTo: number;
}

const proxies = [
  { name: 'Express + http-proxy-middleware', program: 'proxies/bare.ts', env: {} },
  { name: 'the same + access log (pino)', program: 'proxies/bare.ts', env: { ACCESS_LOG: 'yes' } },
  { name: 'Portico gateway', program: '../../gateway/src/main.ts', env: {} },
];

/**
 * What a forwarded request costs the gateway as it is started, with all its defaults, beside bare peers.
 *  1. Origin, client and every proxy are processes of their own; only the proxy's CPU time counts.
 *  2. Each proxy is warmed up.
 *  3. In every round each proxy gets the same load in turn, so that what else the machine does meets all of them.
 */
export async function measureGatewayCpu(options: GatewayCpuOptions): Promise<readonly ProxyCost[]> {
  const outputs = mkdtempSync(join(tmpdir(), 'portico-bench-'));
  const children: Child[] = [];
  const start = async (...args: Parameters<typeof startChild>) => {
    const child = await startChild(...args);
    children.push(child);
    return child;
  };
  try {
    const origin = await start({ program: 'origin.ts', listens: true });
    const load = await start({ program: 'load.ts', listens: false });
    const running: Child[] = [];
    for (const [index, { program, env }] of proxies.entries()) {
      const outputPath = join(outputs, `${index}.log`);
      running.push(
        await start({ program, env: { ...env, ...originAt(origin.port) }, outputPath, listens: true }),
      );
    }
    const costs = running.map((): number[] => []);
    const { connections, warmUpRequests, requestsPerRound, rounds } = options;
    for (const proxy of running) await costOf(proxy, load, { connections, requests: warmUpRequests });
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, proxy] of running.entries()) {
        costs[index]?.push(await costOf(proxy, load, { connections, requests: requestsPerRound }));
      }
    }
    return summarize(costs);
  } finally {
    for (const child of children) child.stop();
    rmSync(outputs, { recursive: true });
  }
}

function originAt(port: number): Record<string, string> {
  const url = `http://127.0.0.1:${port}`;
  const upstreams = { WEB_URL: url, MOBILE_URL: url, SITE_URL: url, OIDC_ISSUER: url };
  return { ORIGIN: url, ...upstreams, PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0' };
}

async function costOf(proxy: Child, load: Child, size: Omit<Load, 'port'>): Promise<number> {
  const before = await proxy.cpuUs();
  const { answered } = await load.ask({ port: proxy.port, ...size });
  return ((await proxy.cpuUs()) - before) / Number(answered);
}

function summarize(costs: readonly (readonly number[])[]): ProxyCost[] {
  const [first = []] = costs;
  return costs.map((ofProxy, index) => {
    const ratios = ofProxy.map((cost, round) => cost / (first[round] ?? Number.NaN));
    return {
      name: proxies[index]?.name ?? '',
      cpuUs: median(ofProxy),
      ratio: median(ratios),
      ratioFrom: quantile(ratios, 0.25),
      ratioTo: quantile(ratios, 0.75),
    };
  });
}
