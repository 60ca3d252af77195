import { answerHeaders } from '@portico/runtime/answer-headers.ts';
import type { BeginStream, EventStreams } from '@portico/runtime/event-stream.ts';
import { contextOf } from '@portico/runtime/http-app.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { type AnsweredOperation, answerTypes, type Operation } from './create-operation-runner.ts';
import { type OperationRequest, readGet, readPost } from './read-operation-request.ts';

const maxBodyBytes = 100_000;

export interface GraphqlRouterOptions {
  readonly answerOperation: (operation: Operation, context: RequestContext) => Promise<AnsweredOperation>;
  /** The answer as a stream of events. @param after the id of the last event that the client has */
  readonly streamOperation: (
    operation: Operation,
    after: string | undefined,
    context: RequestContext,
  ) => BeginStream;
  readonly eventStreams: EventStreams;
  /** Answers a browser that asks for a page; there is none when left out. */
  readonly page?: RequestHandler | undefined;
}

/** `/graphql`: GraphQL over HTTP, queries by GET and POST; and over SSE for those who accept that. */
export function createGraphqlRouter(options: GraphqlRouterOptions): Router {
  const { answerOperation, streamOperation, eventStreams, page } = options;
  const answer = async (method: 'GET' | 'POST', request: OperationRequest, req: Request, res: Response) => {
    const context = contextOf(res);
    // Whoever accepts neither type gets JSON all the same (RFC 9110 section 12.4.1).
    const answerType = answerTypes.find((type) => type === req.accepts([...answerTypes])) ?? answerTypes[0];
    const operation = { request, method, answerType };
    if (wantsEvents(req)) {
      res.vary('Accept').set(answerHeaders('portico-web', context));
      return eventStreams.send(res, streamOperation(operation, req.get('Last-Event-ID'), context));
    }
    const { status, headers, text } = await answerOperation(operation, context);
    res.status(status);
    res.set({ ...headers, ...answerHeaders('portico-web', context) });
    res
      .set('Cache-Control', context.identity === undefined ? 'no-store' : 'private, no-store')
      .vary('Accept')
      .send(text);
  };

  const router = Router({ caseSensitive: true, strict: true });
  router
    .route('/graphql')
    .all((_req, res, next) => {
      res.locals.route = '/graphql';
      next();
    })
    .get((req, res, next) => {
      if (page !== undefined && wantsPage(req)) return page(req, res, next);
      return answer('GET', readGet(req), req, res);
    })
    .post(express.raw({ type: () => true, limit: maxBodyBytes, inflate: false }), (req, res) =>
      answer('POST', readPost(req), req, res),
    )
    .all((req) => {
      throw new Problem('method-not-allowed', `${req.method} is not allowed here: use GET or POST.`, {
        headers: { Allow: 'GET, HEAD, POST' },
      });
    });
  return router;
}

function wantsEvents(req: Request): boolean {
  return req.accepts([...answerTypes, 'text/event-stream']) === 'text/event-stream';
}

function wantsPage(req: Request): boolean {
  return req.accepts([...answerTypes, 'text/html']) === 'text/html';
}
