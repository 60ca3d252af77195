/** What a handler receives and may answer, worked out from an operation's generated type (openapi-typescript). */

import type { RequestContext } from './request-context.ts';

type Part<Operation, Name extends string> = Operation extends {
  parameters: { [name in Name]?: infer Value };
}
  ? Exclude<Value, undefined> extends never
    ? Record<string, never>
    : Exclude<Value, undefined>
  : Record<string, never>;

type JsonBody<Operation> = Operation extends {
  requestBody: { content: { 'application/json': infer Body } };
}
  ? Body
  : undefined;

type SuccessStatus = 200 | 201 | 202 | 204;

/** The JSON body of an operation's success answer. */
export type SuccessBody<Operation> = Operation extends { responses: infer Responses }
  ? {
      [Status in keyof Responses & SuccessStatus]: Responses[Status] extends {
        content: { 'application/json': infer Body };
      }
        ? Body
        : undefined;
    }[keyof Responses & SuccessStatus]
  : never;

export interface OperationRequest<Operation> {
  readonly path: Part<Operation, 'path'>;
  readonly query: Part<Operation, 'query'>;
  /** Header parameters that the document names, by their lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: JsonBody<Operation>;
  readonly context: RequestContext;
}

export interface Answer<Body> {
  /** 200 when left out. */
  readonly status?: number;
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One function for each operationId of the document. */
export type OperationHandlers<Operations> = {
  readonly [Id in keyof Operations]: (
    request: OperationRequest<Operations[Id]>,
  ) => Promise<Answer<SuccessBody<Operations[Id]>>> | Answer<SuccessBody<Operations[Id]>>;
};
