import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import type { Logger } from './log.ts';
import { createOtlpTracing } from './otlp-tracing.ts';
import { createOutageLog, type OutageLog } from './outage-log.ts';
import type { SamplerName, Tracing } from './tracing.ts';

export interface OtlpOptions {
  /** The process's name where the environment gives it none. */
  readonly name: string;
  readonly sampler: SamplerName;
  /** The share of traces that `traceidratio` records. */
  readonly ratio: number;
  readonly log: Logger;
}

/** So many spans wait for the collector at the most; further ones are left out. */
const maxWaiting = 2_048;
const sendEveryMs = 1_000;
/** How long an exiting process waits for the collector; not at all for one that is known to be away. */
const lastSendMs = 1_000;

/** Tracing to the collector that the environment names, which may be away: that is logged once, and holds up nothing. */
export function openOtlpTracing({ name, sampler, ratio, log }: OtlpOptions): Tracing {
  const outage = createOutageLog(log, {
    down: 'spans can not be sent to the collector',
    up: 'spans are sent to the collector again',
  });
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector];
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: name }))
      .merge(detectResources({ detectors })),
    sampler: toSampler(sampler, ratio),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: reporting(new OTLPTraceExporter(), outage),
        maxQueueSize: maxWaiting,
        scheduledDelayMillis: sendEveryMs,
      }),
    ],
  });
  return createOtlpTracing(provider, () => sendTheRest(provider, outage));
}

function toSampler(name: SamplerName, ratio: number): Sampler {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
    case 'parentbased_always_off':
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({
        root: toSampler(name.slice('parentbased_'.length) as SamplerName, ratio),
      });
  }
}

/** Tells of failures once instead of each time. */
function reporting(exporter: SpanExporter, outage: OutageLog): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error === undefined) outage.up();
        else outage.down(result.error.message);
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

async function sendTheRest(provider: TracerProvider, outage: OutageLog): Promise<void> {
  if (outage.isDown()) return;
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    outage.down(`the last spans were not taken within ${lastSendMs} ms`);
    resolve();
  }, lastSendMs);
  // A failure has been told of.
  await Promise.race([provider.shutdown().catch(() => {}), late]);
  clearTimeout(timer);
}
