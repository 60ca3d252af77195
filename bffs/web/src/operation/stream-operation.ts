import type { BeginStream, StreamEvent } from '@portico/runtime/event-stream.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { ExecutionResult } from 'graphql';
import { toClientError } from '../errors/to-client-error.ts';
import { logErrors } from '../errors/use-client-errors.ts';
import type { StreamState } from '../live/state-streams.ts';
import type { Subscriber, WebContext } from '../web-context.ts';
import type { Operation, OperationRunner } from './create-operation-runner.ts';

export interface OperationStreamsOptions {
  readonly subscribe: OperationRunner['subscribe'];
  readonly createContext: (context: RequestContext, subscriber: Subscriber) => WebContext;
  /** For subscriptions to what something is now; they are refused when left out. */
  readonly streamState?: StreamState | undefined;
}

/**
 * Answers operations as streams, in the mode of distinct connections of the GraphQL over SSE protocol: an event `next` for each
 * result, with the id of the update that it shows, and `complete` behind the result of what is no subscription, was refused, or can't go
 * on. Any other stream just ends, and its client comes back.
 */
export function createOperationStreams({ subscribe, createContext, streamState }: OperationStreamsOptions) {
  return (operation: Operation, after: string | undefined, context: RequestContext): BeginStream =>
    async function* (signal): AsyncGenerator<StreamEvent> {
      const own = contextOfStream(context, signal);
      const subscriber: Subscriber = { after, signal, canFollow: streamState !== undefined };
      const results = await subscribe(operation, createContext(own, subscriber));
      if ('text' in results) {
        yield { event: 'next', data: results.text };
        yield { event: 'complete', data: '' };
        return;
      }
      if (subscriber.isOfState && streamState !== undefined) {
        yield* streamState(operation, after, own)(signal);
        return;
      }
      for await (const result of results) {
        const { id, isReset = false, traceparent } = subscriber.update ?? {};
        if (isReset) yield { event: 'reset', data: '{}' };
        yield { event: 'next', id, data: toText(result, own), traceparent };
      }
    };
}

/** A stream has no end of its own: each call for it has the time of a call. */
function contextOfStream(context: RequestContext, signal: AbortSignal): RequestContext {
  const { requestId, traceparent, log, downstream, identity, isUserUnknown = false, consistency } = context;
  return {
    requestId,
    traceparent,
    log,
    downstream,
    identity,
    isUserUnknown,
    consistency,
    signal,
    deadline: Number.MAX_SAFE_INTEGER,
    cache: { hits: 0, misses: 0 },
  };
}

function toText({ data, errors }: ExecutionResult, context: RequestContext): string {
  if (errors === undefined) return JSON.stringify({ data });
  logErrors(errors, context);
  const told = errors.map((error) => {
    const { extensions, ...rest } = toClientError(error, context).toJSON();
    // For the one who writes whole answers, and for nobody else.
    const { http: _http, unexpected: _unexpected, ...known } = extensions ?? {};
    return { ...rest, extensions: known };
  });
  return JSON.stringify({ data, errors: told });
}
