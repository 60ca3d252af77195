import {
  type Context,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { TracerProvider } from '@opentelemetry/sdk-trace';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';
import {
  describeArrival,
  describeCall,
  describeCallEnd,
  describeEvents,
  describeQuery,
  describeRequestEnd,
  describeStep,
  describeWorkEnd,
  type SpanEnding,
} from './span-attributes.ts';
import { readTraceparent } from './traceparent.ts';
import type { EventWork, Span, Tracing } from './tracing.ts';

/** Spans made by OpenTelemetry's SDK, by its conventions for HTTP, databases and messaging. */
export function createOtlpTracing(provider: TracerProvider, close: () => Promise<void>): Tracing {
  const tracer = provider.getTracer('portico');
  const begin = <End>(
    name: string,
    options: SpanOptions,
    parent: Context,
    describeEnd: (end: End) => SpanEnding,
  ): Span<End> => {
    const span = tracer.startSpan(name, options, parent);
    return { traceparent: traceparentOf(span), end: (end) => finish(span, describeEnd(end)) };
  };

  return {
    beginRequest: (req) => {
      const method = req.method ?? '';
      const options = { kind: SpanKind.SERVER, attributes: describeArrival(req) };
      const parent = below(req.headers.traceparent, true);
      return begin(method, options, parent, (end) => describeRequestEnd(method, end));
    },
    beginCall: (parent, call) => {
      const options = { kind: SpanKind.CLIENT, attributes: describeCall(call) };
      return begin(`${call.method} ${call.route}`, options, below(parent, false), describeCallEnd);
    },
    recordQuery: (parent, query) => {
      const { name, attributes, error } = describeQuery(query);
      // In fractions of milliseconds, which Date has none of.
      const endTime = performance.timeOrigin + performance.now();
      const startTime = endTime - query.durationMs;
      const span = tracer.startSpan(
        name,
        { kind: SpanKind.CLIENT, attributes, startTime },
        below(parent, false),
      );
      finish(span, error === undefined ? {} : { error }, endTime);
    },
    beginEvents: (parent, work) => {
      const { operation, destination, link, startedAt } = work;
      const context = below(parent, true);
      if (context === ROOT_CONTEXT) return undefined;
      const linked = trace.getSpanContext(below(link, true));
      const options = {
        kind: eventKinds[operation],
        attributes: describeEvents(work),
        ...(startedAt !== undefined && { startTime: startedAt }),
        ...(linked && { links: [{ context: linked }] }),
      };
      return begin(`${operation} ${destination}`, options, context, describeWorkEnd);
    },
    beginStep: (parent, step) =>
      begin(`step ${step.name}`, { attributes: describeStep(step) }, below(parent, true), describeWorkEnd),
    close,
  };
}

/** OpenTelemetry's conventions for messaging, "Span kind". */
const eventKinds: Readonly<Record<EventWork['operation'], SpanKind>> = {
  capture: SpanKind.INTERNAL,
  append: SpanKind.PRODUCER,
  apply: SpanKind.CONSUMER,
  fold: SpanKind.CONSUMER,
  process: SpanKind.CONSUMER,
  send: SpanKind.PRODUCER,
};

function below(traceparent: string | string[] | undefined, isRemote: boolean): Context {
  const parent = readTraceparent(traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote });
}

function traceparentOf(span: SdkSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function finish(span: SdkSpan, { name, attributes, error }: SpanEnding, endTime?: number): void {
  if (name !== undefined) span.updateName(name);
  if (attributes !== undefined) span.setAttributes(attributes);
  if (error !== undefined) {
    span.setAttribute(ATTR_ERROR_TYPE, error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(endTime);
}
