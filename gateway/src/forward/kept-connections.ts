import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';

const maxConnections = 1_000;

/**
 * The connections to `target` that are kept between requests; each ends when it has waited unused for `keepAliveMs`, or a
 * second before the time that the target says itself. An agent's own `timeout` does that too, and has every request listen
 * for it, and every answer's fields made into an object.
 */
export function createKeptConnections(target: URL, keepAliveMs: number): HttpAgent {
  const Agent = target.protocol === 'https:' ? HttpsAgent : HttpAgent;
  // Where nothing is encrypted, no name of the server has to be found in the fields of each request.
  const named = target.protocol === 'https:' ? {} : { servername: '' };
  const agent = new Agent({ keepAlive: true, maxSockets: maxConnections, ...named });
  const withTimeout = new Agent({ keepAlive: true, timeout: keepAliveMs });
  // All its connections are alike.
  agent.getName = () => target.host;
  agent.keepSocketAlive = (socket: Socket) => {
    // The time that was set at first holds for every wait.
    if (socket.timeout === undefined) return withTimeout.keepSocketAlive(socket);
    socket.unref();
    return true;
  };
  return agent;
}
