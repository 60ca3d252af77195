import type { ClientRequest, IncomingMessage, InformationEvent, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Problem, ProblemName } from '@portico/runtime/problems.ts';
import { readOnAfterAnswer } from '../read-on.ts';
import { type WebSocketOutgoing, writeSwitch } from '../web-socket/write-switch.ts';
import type { AnswerFields } from './answer-fields.ts';
import type { Scheme } from './client-scheme.ts';
import {
  bodyTooSlow,
  isBrokenConnection,
  toForwardProblem,
  tooLate,
  unreachable,
  unusable,
} from './forward-failure.ts';
import type { ForwardLimits } from './limits.ts';
import { isReadByItself, readAhead } from './read-ahead.ts';
import { writeAnswer } from './write-answer.ts';
import { writeInformation } from './write-information.ts';

/** What is sent to the upstream beside the method, path and body of the request. */
export interface Outgoing {
  /** The pattern of the request's path. */
  readonly route: string;
  /** Given back in the answer. */
  readonly requestId: string;
  readonly fields: Record<string, string>;
  /** Until the last byte of the answer; an event stream only has to begin in it. */
  readonly timeoutMs: number;
  /** The gateway's own limits when undefined, in milliseconds. */
  readonly firstByteTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  readonly maxBodyBytes: number;
  /** What becomes of the fields of the answer. */
  readonly answerFields: AnswerFields;
  /** Gives the client, which comes by this scheme, a cookie with the token of the answer; none when left out. */
  readonly consistencyCookie?: Scheme | undefined;
  /** No cache but the client's own may keep the answer; false when left out. */
  readonly isPrivate?: boolean;
  /** Called when the answer turns out to be an event stream. */
  readonly beganStream?: (() => void) | undefined;
  /** Where the client asks for a WebSocket. */
  readonly webSocket?: WebSocketOutgoing | undefined;
}

/** What those who chose the target want to know and offer. */
export interface AtTarget {
  /** Sends a request that may be sent again to another target; false when it isn't. */
  readonly elsewhere: () => boolean;
  /**
   * How it ended for the target; `unknown` when it was the client's doing. Called once.
   * @param failure what the client was told, or would have been, in place of a whole answer
   */
  readonly ended: (outcome: 'good' | 'bad' | 'unknown', failure?: ProblemName) => void;
}

export interface ExchangeOptions {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly outgoing: Outgoing;
  readonly atTarget: AtTarget;
  readonly limits: ForwardLimits;
  /** Sends the request once more, on a connection of its own. */
  readonly tryAgain: () => void;
  readonly failed: (problem: Problem) => void;
}

/** One request at an upstream, told of what happens to it. No function of it throws. */
export interface Exchange {
  /** The request has a connection, made or being made; nothing has been written to it. */
  readonly sent: (request: ClientRequest) => void;
  readonly answered: (answer: IncomingMessage) => void;
  readonly broke: (error?: unknown) => void;
}

/** Those that speak against a target; others, such as 501, a client can bring about as often as it likes. */
const failureStatuses = new Set([500, 502, 503, 504]);

/**
 * Watches over one exchange:
 *  1. `sent`: the connection has to be made in its time, and a body without a length is counted.
 *     Once the request is sent, the answer has to begin in its time.
 *  2. `answered`: the answer is written to the client as it comes, in the time of the route.
 *     Or the upstream switches to the WebSocket that was asked for: its bytes are passed on until one side ends.
 *  3. It is over when the answer has come, the client has gone (the proxy ends the upstream's request then), or something
 *     failed: the failure is answered, or what has begun of an answer is cut off.
 */
export function beginExchange(options: ExchangeOptions): Exchange {
  const { req, res, outgoing, atTarget, limits, tryAgain, failed } = options;
  const { firstByteTimeoutMs = limits.firstByteTimeoutMs, idleTimeoutMs = limits.idleTimeoutMs } = outgoing;
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  let request: ClientRequest | undefined;
  const endsAt = performance.now() + outgoing.timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  let answer: IncomingMessage | undefined;
  let bodyWaits = false;
  let body: Readable = req;
  let over = false;
  let switched = false;

  const finish: AtTarget['ended'] = (outcome, failure) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    atTarget.ended(outcome, failure);
  };
  const fail = (problem: Problem, { canMove = false } = {}) => {
    if (over) return;
    // Refusals are 4xx and the client's doing; what the target did is 5xx.
    finish(problem.status >= 500 ? 'bad' : 'unknown', problem.problem);
    if (canMove && (isRead || bodyWaits) && !res.headersSent && atTarget.elsewhere()) return;
    // Answers at once: the proxy cuts a connection off whose answer isn't written when the upstream's ends.
    failed(problem);
    abandon();
    stopBody();
  };
  const late = () => {
    // A client that takes its time is not the upstream's fault; one that takes nothing is found out by the idle limit.
    if (res.writableNeedDrain) return;
    fail(req.complete ? tooLate('the time of the route is over') : bodyTooSlow());
  };
  /** The time of the route, and before that the time in which an answer has to begin: one timer, as most need none. */
  const limitTime = (waitsForAnswer: boolean) => {
    clearTimeout(timer);
    const leftMs = endsAt - performance.now();
    if (waitsForAnswer && firstByteTimeoutMs < leftMs) timer = setTimeout(noAnswer, firstByteTimeoutMs);
    else timer = setTimeout(late, Math.max(0, leftMs));
  };
  const noAnswer = () => {
    if (answer === undefined) fail(tooLate('no answer began in time'));
    else limitTime(false);
  };
  /** The upstream may have ended its part when the time is over: then it is the client that takes nothing any more. */
  const limitIdleness = () => {
    if (res.listenerCount('timeout') > 0 || res.destroyed) return;
    res.setTimeout(idleTimeoutMs, () => {
      fail(tooLate('nothing of the answer moved'));
      res.destroy();
    });
  };
  // A body takes its own time.
  limitTime(isRead);
  res.on('close', () => {
    if (!over && !switched) abandon();
    finish(switched ? 'good' : 'unknown');
  });
  /** A FIN would wait behind what the upstream has not taken of the body; a reset doesn't. */
  const abandon = () => {
    const socket = request?.socket;
    if (isRead || !socket || socket instanceof TLSSocket) request?.destroy();
    else socket.resetAndDestroy();
  };
  /** Has the rest of the body read without being kept: a pipe would stop it. */
  const stopBody = () => {
    body.unpipe();
    req.unpipe();
  };
  /** Until there is a connection, a request with an effect can still go elsewhere, as nobody has seen anything of it. */
  const sendBody = (sending: ClientRequest, socket: Socket | null) => {
    const send = () => {
      bodyWaits = false;
      if (over) return;
      if (!isReadByItself(req)) body = readAhead(req, outgoing.maxBodyBytes).on('error', fail);
      body.pipe(sending);
    };
    bodyWaits = socket?.connecting === true;
    if (!bodyWaits && isReadByItself(req)) return;
    // The proxy joins them right after it has told of its request, and nothing flows before what comes then.
    process.nextTick(() => {
      req.unpipe(sending);
      if (!bodyWaits) send();
    });
    if (bodyWaits) socket?.once('connect', send);
  };

  return {
    sent: (sentRequest) => {
      request = sentRequest;
      if (over) {
        request.destroy();
        return;
      }
      // Unheard, a 101 in spite of no Upgrade would leave the request without an end.
      request.on('upgrade', (answer, socket: Socket, early: Buffer) => {
        try {
          if (over) throw new Error('the upstream switched protocols too late');
          writeSwitch({ answer, socket, early }, res, outgoing, idleTimeoutMs);
        } catch (error) {
          socket.destroy();
          fail(unusable(error));
          return;
        }
        switched = true;
        clearTimeout(timer);
      });
      limitInformation(
        request,
        (information) => {
          // What waits for a 101 has no use for hints.
          if (!over && outgoing.webSocket === undefined)
            writeInformation(information, res, outgoing.answerFields);
        },
        () => fail(unusable(new Error('the upstream sent hints without end'))),
      );
      const { socket } = request;
      if (socket?.connecting) {
        limitConnecting(socket, limits.connectTimeoutMs, () =>
          fail(unreachable(new Error('no connection in time'))),
        );
      }
      if (!isRead) {
        sendBody(request, socket);
        request.on('finish', () => {
          if (!over && answer === undefined) limitTime(true);
        });
      }
    },
    answered: (begun) => {
      if (over) return;
      answer = begun;
      try {
        readOnAfterAnswer(req, res);
        // It only has to begin in its time.
        if (writeAnswer(begun, res, outgoing)) {
          clearTimeout(timer);
          outgoing.beganStream?.();
        }
      } catch (error) {
        fail(unusable(error));
        return;
      }
      // Most come in one piece, and are taken in one: for those no timer is set.
      process.nextTick(() => {
        if (!begun.complete) limitIdleness();
      });
      begun.on('end', () => {
        finish(failureStatuses.has(begun.statusCode ?? 0) ? 'bad' : 'good');
        if (body !== req) stopBody();
        if (res.writableLength > 0) limitIdleness();
      });
    },
    broke: (error) => {
      // What comes behind a whole answer breaks the connection, not the answer.
      if (over || switched || answer?.complete) return;
      // A kept connection may have been ended by the other side while the request was on its way: that says nothing of
      // the request. One with a body or an effect isn't repeated; nor is one that failed on a connection of its own.
      if (isRead && request?.reusedSocket && !res.headersSent && isBrokenConnection(error)) tryAgain();
      // The request has ended by itself: one that we end would be heard of once more, by then from another target.
      else fail(toForwardProblem(error), { canMove: true });
    },
  };
}

/** More of them than anybody needs would keep us busy until the time is over. */
const maxInformation = 20;

function limitInformation(
  request: ClientRequest,
  passOn: (information: InformationEvent) => void,
  tooMany: () => void,
): void {
  let count = 0;
  request.on('information', (information) => {
    count += 1;
    if (count <= maxInformation) passOn(information);
    else tooMany();
  });
}

function limitConnecting(socket: Socket, timeoutMs: number, late: () => void): void {
  const timer = setTimeout(late, timeoutMs);
  const clear = () => clearTimeout(timer);
  socket.once('connect', clear).once('close', clear);
}
