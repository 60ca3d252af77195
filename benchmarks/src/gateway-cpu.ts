import { join } from 'node:path';
import { type Child, noSignIns, startChild } from './child.ts';
import type { Load } from './load.ts';
import type { Report } from './report.ts';
import { median, quantile } from './statistics.ts';
import { temporaryFolder } from './temporary-folder.ts';

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
export async function measureGatewayCpu(
  options: GatewayCpuOptions,
  ending: AsyncDisposableStack,
): Promise<readonly ProxyCost[]> {
  const outputs = await temporaryFolder(ending);
  const origin = await startChild({ program: 'origin.ts', listens: true }, ending);
  const load = await startChild({ program: 'load.ts', listens: false }, ending);
  const running: Child[] = [];
  for (const [index, { program, env }] of proxies.entries()) {
    const outputPath = join(outputs, `${index}.log`);
    const settings = { ...env, ...originAt(origin.url) };
    running.push(await startChild({ program, env: settings, outputPath, listens: true }, ending));
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
}

/** The comparison at its full length, about a minute. */
export async function reportGatewayCpu(ending: AsyncDisposableStack): Promise<Report> {
  const size = { warmUpRequests: 20_000, rounds: 400, requestsPerRound: 500, connections: 16 };
  const costs = await measureGatewayCpu(size, ending);
  return {
    title: 'CPU time of a proxy per request',
    note: 'Median of 400 rounds of 500 requests each; the ratio is to the first proxy in the same round.',
    heads: ['', 'median', 'ratio', 'middle half of ratios'],
    rows: costs.map(({ name, cpuUs, ratio, ratioFrom, ratioTo }) => [
      name,
      `${cpuUs.toFixed(1)} µs`,
      ratio.toFixed(2),
      `${ratioFrom.toFixed(2)} to ${ratioTo.toFixed(2)}`,
    ]),
    bars: costs.map(({ name, cpuUs, ratio }) => {
      return { name, value: cpuUs, label: `${cpuUs.toFixed(0)} µs (${ratio.toFixed(2)})` };
    }),
  };
}

function originAt(url: string): Record<string, string> {
  const upstreams = { WEB_URL: url, MOBILE_URL: url, SITE_URL: url, OIDC_ISSUER: url };
  return { ORIGIN: url, ...upstreams, ...noSignIns, PORTICO_PORT: '0', PORTICO_ADMIN_PORT: '0' };
}

async function costOf(proxy: Child, load: Child, size: Omit<Load, 'port'>): Promise<number> {
  const before = await proxy.cpuUs();
  const { answered } = await load.ask({ port: Number(new URL(proxy.url).port), ...size });
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
