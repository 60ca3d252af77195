import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface CollectedSpan {
  /** `service.name` of the process that sent it. */
  readonly process: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where there is none. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** The ids of the spans that it is linked with. */
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
}

/** Takes spans as an OpenTelemetry collector does (OTLP over HTTP, in JSON). */
export interface OtlpCollector {
  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` has to be. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** The fields of the requests that brought them. */
  readonly fields: readonly Readonly<Record<string, unknown>>[];
  /** The spans so far, once there is one that fits. */
  readonly until: (fits: (span: CollectedSpan) => boolean) => Promise<readonly CollectedSpan[]>;
  /** Answers this status from now on, or nothing at all. */
  readonly behave: (answer: number | 'hang') => void;
}

/** A collector for as long as the test runs. */
export async function startOtlpCollector(t: Pick<TestContext, 'after'>): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const fields: Record<string, unknown>[] = [];
  let answer: number | 'hang' = 200;
  let arrived = Promise.withResolvers<void>();
  const server = createServer(async (req, res) => {
    const sent = (await json(req)) as OtlpTraces;
    if (req.url !== '/v1/traces') return res.writeHead(404).end();
    fields.push(req.headers);
    if (answer === 200) spans.push(...toSpans(sent));
    arrived.resolve();
    arrived = Promise.withResolvers();
    return answer === 'hang'
      ? undefined
      : res.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    fields,
    until: async (fits) => {
      while (!spans.some(fits)) await arrived.promise;
      return spans;
    },
    behave: (next) => {
      answer = next;
    },
  };
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string };
}

interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly links?: readonly { readonly spanId: string }[];
  readonly attributes: readonly OtlpAttribute[];
  readonly status: { readonly code?: number };
}

/** By their numbers in OTLP. */
const kinds = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

function toSpans({ resourceSpans }: OtlpTraces): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const process = String(toRecord(resource.attributes)['service.name']);
    return scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ traceId, spanId, parentSpanId = '', name, kind, links = [], attributes, status }) => ({
        process,
        traceId,
        spanId,
        parentSpanId,
        name,
        kind: kinds[kind] ?? 'internal',
        links: links.map((link) => link.spanId),
        attributes: toRecord(attributes),
        failed: status.code === 2,
      }));
  });
}

function toRecord(attributes: readonly OtlpAttribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}
