import type { WholeAnswers } from '@portico/coherent-cache/whole-answers.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import { answerHeaders } from '@portico/runtime/answer-headers.ts';
import { buildOf } from '@portico/runtime/build-of.ts';
import type { BeginStream, EventStreams } from '@portico/runtime/event-stream.ts';
import { contextOf } from '@portico/runtime/http-app.ts';
import type { Answer, OperationRequest, SuccessBody } from '@portico/runtime/openapi-types.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { ErrorRequestHandler, Response } from 'express';
import { toEntityTag } from './entity-tag.ts';
import type { PartName } from './part.ts';
import { writeRepresentation } from './write-representation.ts';

const cacheName = 'portico-mobile';

interface KeptScreen {
  readonly text: string;
  readonly tag: string;
  readonly isWhole: boolean;
}

/** A screen as it is sent; whoever wants to know its members finds them in `toJSON`. */
export class WrittenScreen {
  readonly text: string;
  readonly tag: string;

  constructor({ text, tag }: KeptScreen) {
    this.text = text;
    this.tag = tag;
  }

  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

type Screen<Id extends keyof operations> = SuccessBody<operations[Id]>;

/** Makes the screen that a request asks for; all of it is read with the context that comes along. */
export type ShowScreen<Id extends keyof operations> = (
  request: Pick<OperationRequest<operations[Id]>, 'path' | 'query' | 'context'>,
) => Promise<Screen<Id>>;

/**
 * Handlers of GETs that answer with a whole screen, kept with its entity tag until something changes that it shows. A
 * screen depends on path, query and user, and on nothing else of a request.
 */
export function createScreens(answers: WholeAnswers) {
  const build = buildOf(import.meta.dirname);
  return <Id extends keyof operations>(id: Id, show: ShowScreen<Id>) =>
    async ({ path, query, context }: OperationRequest<operations[Id]>): Promise<Answer<Screen<Id>>> => {
      const question = `mobile ${build} ${id} ${JSON.stringify([sorted(path), sorted(query)])}`;
      const make = async (own: RequestContext) => write(await show({ path, query, context: own }), own);
      return answerScreen(await answers.give(question, make, context), context);
    };
}

/** Of a GET whose screen is another one each time: only what it is made of is kept. */
export function freshScreen<Id extends keyof operations>(show: ShowScreen<Id>) {
  return async (request: OperationRequest<operations[Id]>): Promise<Answer<Screen<Id>>> =>
    answerScreen(write(await show(request), request.context), request.context);
}

/**
 * Everybody may see the catalogue, so any cache may keep it, but prices and stock change
 * at any moment: it has to ask first each time, and mostly hears 304. A screen with parts missing is
 * not kept, nor is one for somebody whose token was sent. One that says what its client has seen is for that client.
 */
function answerScreen<Body>(screen: KeptScreen, context: RequestContext): Answer<Body> {
  const made = answerHeaders(cacheName, context);
  // As JSON, it is the screen.
  const body = new WrittenScreen(screen) as unknown as Body;
  const isVisitor = context.identity === undefined && !context.isUserUnknown;
  const isForOne = !isVisitor || 'Portico-Consistency' in made;
  const mayKeep = isVisitor && screen.isWhole;
  const directives = [...(isForOne ? ['private'] : []), mayKeep ? 'no-cache' : 'no-store'];
  return { body, headers: { 'Cache-Control': directives.join(', '), ...made } };
}

function write(screen: object, { log }: RequestContext): KeptScreen {
  const { degraded } = screen as { readonly degraded?: readonly PartName[] };
  if (degraded !== undefined) log.warn({ degraded }, 'answered without a part');
  const text = JSON.stringify(screen);
  return { text, tag: toEntityTag(text), isWhole: degraded === undefined };
}

/** The order of parameters means nothing. */
function sorted(parameters: object): object {
  return Object.fromEntries(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a command has brought about; it is no representation of anything, and for nobody else. */
export function commandAnswer<Body extends object>(body: Body, context: RequestContext): Answer<Body> {
  return { body, headers: { 'Cache-Control': 'private, no-store', ...answerHeaders(cacheName, context) } };
}

/** What is sent as a stream of events, as the body of an answer. */
export class StreamBody {
  readonly begin: BeginStream;

  constructor(begin: BeginStream) {
    this.begin = begin;
  }
}

/** Writes a screen, or 304 where the client has it; what a command answers; and streams. */
export function writeScreen(streams: EventStreams) {
  return (res: Response, { body }: Answer<unknown>): void => {
    if (body instanceof WrittenScreen) {
      writeRepresentation(res, 'application/json; charset=utf-8', body.text, body.tag);
    } else if (body instanceof StreamBody) {
      void streams.send(res, body.begin);
    } else {
      res.json(body);
    }
  };
}

/** Lets problems say, too, what calls they took. Express tells error handlers from others by their four parameters. */
export const describeFailure: ErrorRequestHandler = (error, _req, res, next) => {
  for (const [name, value] of Object.entries(answerHeaders(cacheName, contextOf(res))))
    res.setHeader(name, value);
  next(error);
};
