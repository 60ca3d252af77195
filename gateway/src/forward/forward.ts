import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Problem } from '@portico/runtime/problems.ts';
import { createProxyMiddleware, type Plugin } from 'http-proxy-middleware';
import { type AtTarget, beginExchange, type Exchange, type Outgoing } from './exchange.ts';
import { createKeptConnections } from './kept-connections.ts';
import { defaultForwardLimits, type ForwardLimits } from './limits.ts';

export type { Outgoing };

/** Sends requests to one target and its answers back, over connections that are kept. */
export interface Forwarder {
  /**
   * Forwards `req` with the fields of `outgoing`, to which it adds the target's host, and writes the answer to `res`.
   * @param failed called at most once, and not when the client has gone away; the answer may have begun by then
   */
  readonly forward: (
    req: IncomingMessage,
    res: ServerResponse,
    outgoing: Outgoing,
    atTarget: AtTarget,
    failed: (problem: Problem) => void,
  ) => void;
  /** Ends its connections, those in use as well. */
  readonly close: () => void;
}

export function createForwarder(url: string, changedLimits: Partial<ForwardLimits> = {}): Forwarder {
  const limits = { ...defaultForwardLimits, ...changedLimits };
  const target = new URL(url);
  const agent = createKeptConnections(target, limits.keepAliveMs);

  const proxyOver = (connections: typeof agent | false) =>
    createProxyMiddleware({
      target: withoutGetters(target),
      agent: connections,
      selfHandleResponse: true,
      // The default plugins write error texts into answers; without any of them, errors have to be listened to.
      ejectPlugins: true,
      plugins: [tellExchange],
    });
  const keptConnections = proxyOver(agent);
  const newConnections = proxyOver(false);

  return {
    forward: (req, res, outgoing, atTarget, failed) => {
      const send = (proxy: typeof keptConnections) => {
        proxy(req, res, exchange.broke).catch(exchange.broke);
      };
      const tryAgain = () => {
        // The proxy listens to the answer once more; Node would warn of a leak.
        res.setMaxListeners(2 * res.getMaxListeners());
        send(newConnections);
      };
      const exchange = beginExchange({ req, res, outgoing, atTarget, limits, tryAgain, failed });
      (res as WithExchange)[exchangeOf] = exchange;
      // The proxy sends the fields that it finds in the request.
      outgoing.fields.host = target.host;
      req.headers = outgoing.fields;
      // What was asked to switch may believe that it has: no other request goes there.
      send(outgoing.webSocket === undefined ? keptConnections : newConnections);
    },
    close: () => agent.destroy(),
  };
}

/** The proxy reads its target's parts anew for every request; a URL would compute them each time. */
function withoutGetters({ protocol, hostname, port }: URL) {
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port };
}

/**
 * Where an answer keeps its exchange. In a WeakMap every exchange would outlive its request by some collections of young
 * garbage, with all that it holds.
 */
const exchangeOf = Symbol('exchange');
type WithExchange = object & { [exchangeOf]?: Exchange };

const tellExchange: Plugin = (proxy) => {
  proxy.on('proxyReq', (request, _req, res: WithExchange) => res[exchangeOf]?.sent(request));
  proxy.on('proxyRes', (answer, _req, res: WithExchange) => res[exchangeOf]?.answered(answer));
  proxy.on('error', (error, _req, res: WithExchange | undefined) => res?.[exchangeOf]?.broke(error));
};
