import type { IncomingMessage } from 'node:http';
import Type, { type Static, type TObject } from 'typebox';
import type { Logger } from './log.ts';

const collectorUrl = Type.Optional(
  Type.String({ pattern: '^https?://[^\\s@]+$', description: 'an http:// or https:// URL of a collector' }),
);
const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplers)[number];

/**
 * Whether and where spans are sent, by OpenTelemetry's own variables. The exporter and the SDK read further ones by
 * themselves: `OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`.
 */
export const tracingSettings = {
  /** A collector that takes OTLP over HTTP; the spans go to `/v1/traces` below it. */
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
  /** The same for spans alone, as it is. */
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl,
  OTEL_SDK_DISABLED: Type.Optional(Type.Boolean()),
  /** Which traces are recorded; all, and of those that somebody else began the ones that he records, when left out. */
  OTEL_TRACES_SAMPLER: Type.Optional(Type.Union(samplers.map((name) => Type.Literal(name)))),
  /** The share of traces that `traceidratio` records. */
  OTEL_TRACES_SAMPLER_ARG: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
};

export type TracingConfig = Static<TObject<typeof tracingSettings>>;

/** A span under way. */
export interface Span<End> {
  /** W3C Trace Context: what is sent along with work that belongs below this span. */
  readonly traceparent: string;
  /** To be called once. */
  readonly end: (end: End) => void;
}

export interface RequestEnd {
  /** One of few, such as `/orders/{id}`; undefined where none was found. */
  readonly route: string | undefined;
  readonly status: number;
  readonly requestId: string;
  readonly cache: { readonly hits: number; readonly misses: number };
}

/** One try of a call to another process. */
export interface Call {
  readonly method: string;
  /** Of the process that is called. */
  readonly url: string;
  /** Without its query. */
  readonly path: string;
  /** One of few names for `path`, such as `/orders/{id}`. */
  readonly route: string;
  /** How many times it was tried before. */
  readonly resends: number;
}

export interface CallEnd {
  /** Of the answer, if one came. */
  readonly status?: number | undefined;
  /** One of few words for what went wrong. */
  readonly error?: string | undefined;
}

/** A statement that a database has run, or not. */
export interface Query {
  readonly database: URL;
  /** With parameters instead of values. */
  readonly sql: string;
  readonly durationMs: number;
  readonly error?: unknown;
}

/** What is done with events of one trace. */
export interface EventWork {
  /**
   * `capture` reads them from a database's log, `append` puts them on the hub; with `apply` a process knows what has changed, with
   * `fold` a view has it, with `process` a consumer; `send` gives a client his update.
   */
  readonly operation: 'capture' | 'append' | 'apply' | 'fold' | 'process' | 'send';
  /** The service that they are of, or the route of the stream that they are sent on: one of few. */
  readonly destination: string;
  /** Who takes them, where a process has several that do. */
  readonly consumer?: string | undefined;
  readonly count: number;
  /** When it began, in epoch milliseconds; now when left out. */
  readonly startedAt?: number | undefined;
  /** The `traceparent` of a span of another trace that it is a part of as well. */
  readonly link?: string;
}

/** One try of a step of a saga. */
export interface StepWork {
  /** One of few, such as `reserve:do`. */
  readonly name: string;
  readonly id: string;
  /** How many times it was tried before. */
  readonly resends: number;
}

export interface WorkEnd {
  readonly error?: unknown;
}

/** Records what happens to requests and events as spans, and sends them to a collector. Nothing of it throws or waits. */
export interface Tracing {
  /** Begins the span of a request that has arrived, below the one that its `traceparent` names. */
  readonly beginRequest: (req: IncomingMessage) => Span<RequestEnd>;
  /** @param parent the `traceparent` of the span that it belongs below */
  readonly beginCall: (parent: string, call: Call) => Span<CallEnd>;
  /** Records a query that is over. @param parent as for a call */
  readonly recordQuery: (parent: string, query: Query) => void;
  /** Begins work on events that belong to a trace; none begins with them. @param parent as for a call */
  readonly beginEvents: (parent: string, work: EventWork) => Span<WorkEnd> | undefined;
  /** @param parent as for a call */
  readonly beginStep: (parent: string, step: StepWork) => Span<WorkEnd>;
  /** Sends what is left; gives up after a moment. */
  readonly close: () => Promise<void>;
}

/** The tracing that the settings ask for. Where they don't, nothing of OpenTelemetry's SDK is loaded. */
export async function openTracing(
  name: string,
  config: TracingConfig,
  log: Logger,
): Promise<Tracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = config;
  if (config.OTEL_SDK_DISABLED || (all ?? traces) === undefined) return undefined;
  const { openOtlpTracing } = await import('./otlp-export.ts');
  return openOtlpTracing({
    name,
    log,
    sampler: config.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on',
    ratio: config.OTEL_TRACES_SAMPLER_ARG ?? 1,
  });
}
