import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { createTurns } from './answer-in-turn.ts';
import { AppRequest, AppResponse } from './app-messages.ts';
import { answerHandshakes, beginsHandshake } from './handshakes.ts';
import { lingerAndClose } from './linger-and-close.ts';
import { Problem, type ProblemName, sendProblem } from './problems.ts';
import { type Fields, refuseConnection } from './refuse-connection.ts';

export interface HttpServerOptions {
  readonly handler: RequestListener;
  /** The most that the head of a request may take to arrive, in milliseconds. */
  readonly headTimeoutMs?: number | undefined;
  /** The same for a whole request. */
  readonly requestTimeoutMs?: number | undefined;
  /** Told of every problem that is answered without `handler`. */
  readonly onRefusal?: ((problem: Problem) => void) | undefined;
  /** Fields of the answers to what never reaches `handler`. */
  readonly refusalFields?: Fields | undefined;
  /** Whether `handler` may answer with a WebSocket (`handshakeOf`); offers to switch are ignored when left out. */
  readonly takesHandshakes?: boolean | undefined;
}

/**
 * An HTTP/1.1 server with limits on what a client may send and how long it may take, that answers one request of a
 * connection at a time, and whose own refusals are problems too.
 */
export function createHttpServer(options: HttpServerOptions): Server {
  const { handler, headTimeoutMs = 10_000, requestTimeoutMs = 30_000, refusalFields = [] } = options;
  const { takesHandshakes = false, onRefusal = () => {} } = options;
  const turns = createTurns();
  const { inTurn, latestTurn } = turns;
  /** Refuses a request that Node has read, and ends its connection. */
  const refuseRequest = (res: ServerResponse, problem: Problem) => {
    onRefusal(problem);
    for (const [name, value] of refusalFields) res.setHeader(name, value);
    res.setHeader('Connection', 'close');
    sendProblem(res, problem, undefined);
  };
  const serve = withHost(handler, refuseRequest);
  const server = createServer(
    {
      IncomingMessage: AppRequest,
      ServerResponse: AppResponse,
      maxHeaderSize: 16_384,
      headersTimeout: headTimeoutMs,
      requestTimeout: Math.max(headTimeoutMs, requestTimeoutMs),
      // How soon a late head or request is found out.
      connectionsCheckingInterval: Math.min(1_000, headTimeoutMs),
      // Node's own refusal has no body; ours below is a problem.
      requireHostHeader: false,
      // Longer than any client of ours keeps an idle connection, so that no request meets a closing one.
      keepAliveTimeout: 75_000,
      shouldUpgradeCallback: (req) => takesHandshakes && beginsHandshake(req, turns),
    },
    inTurn(serve),
  );
  if (takesHandshakes) answerHandshakes(server, serve);
  server.maxHeadersCount = 100;
  server.on('connection', (socket: Socket) => {
    // What Node does behind an answer that ends the connection.
    socket.destroySoon = () => lingerAndClose(socket);
  });

  const refuse = (socket: Socket, problem: Problem) => {
    if (!socket.writable) return;
    onRefusal(problem);
    refuseConnection(socket, problem, refusalFields);
  };
  const toBeRefused = new WeakSet<Socket>();
  /** Answers what came behind the requests that are at work, after their answers. */
  const refuseInTurn = (socket: Socket, problem: Problem) => {
    // Node says of every further piece that it can't be read.
    if (toBeRefused.has(socket)) return;
    toBeRefused.add(socket);
    const res = latestTurn(socket)?.res;
    if (res === undefined || res.closed) refuse(socket, problem);
    else res.once('close', () => refuse(socket, problem));
  };

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // What still arrives behind a refusal is none of our business.
    if (socket.writableEnded && !socket.destroyed && error.code !== 'ECONNRESET') return;
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    // The client has said itself that nothing follows: what does is no request, and its last one has its answer.
    if (error.code === 'HPE_CLOSED_CONNECTION') return;
    const latest = latestTurn(socket);
    const problem = unreadable(error.code);
    // A body that can't be read on: its request has one answer, and what has begun of it must not be mixed with another.
    if (latest === undefined || latest.req.complete) refuseInTurn(socket, problem);
    else if (latest.res.headersSent || latest.res.socket === null) socket.destroy();
    else refuse(socket, problem);
  });
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    // Node doesn't listen to this socket any more.
    socket.on('error', () => {}).resume();
    refuseInTurn(
      socket,
      // RFC 9110 section 15.5.6: no method is allowed.
      new Problem('method-not-allowed', 'There are no tunnels here.', { headers: { Allow: '' } }),
    );
  });
  const refuseExpectation: RequestListener = (req, res) => {
    refuseRequest(res, new Problem('expectation-failed', 'Only "Expect: 100-continue" is understood.'));
    req.resume();
  };
  server.on('checkExpectation', inTurn(refuseExpectation));
  // Node takes every value for it that has it as a word.
  server.on(
    'checkContinue',
    inTurn((req, res) => {
      if (req.headers.expect?.toLowerCase() !== '100-continue') return refuseExpectation(req, res);
      res.writeContinue();
      serve(req, res);
    }),
  );
  return server;
}

/** RFC 9112 section 3.2: a request of HTTP/1.1 without a Host is refused. */
function withHost(
  handler: RequestListener,
  refuse: (res: ServerResponse, problem: Problem) => void,
): RequestListener {
  return (req, res) => {
    // Node loses what comes in one piece with such a head, and would take the next piece for the beginning of a request.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    if (req.headers.host !== undefined || req.httpVersion !== '1.1') return handler(req, res);
    refuse(res, new Problem('invalid-request', 'The field Host is missing.'));
  };
}

const unreadableCodes: Readonly<Record<string, [ProblemName, string]>> = {
  HPE_HEADER_OVERFLOW: ['fields-too-large', 'All header fields together may have 16 kB.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['payload-too-large', 'The extensions of chunks may have 16 kB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time.'],
};

/** What bytes that are not a request mean to the client. */
function unreadable(code: string | undefined): Problem {
  const [name, detail] = unreadableCodes[code ?? ''] ?? [
    'invalid-request',
    'This is not a valid HTTP/1.1 request.',
  ];
  return new Problem(name, detail);
}
