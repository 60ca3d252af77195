import type { EventWork, Tracing, WorkEnd } from '@portico/runtime/tracing.ts';

export interface SpiedSpan extends EventWork {
  readonly parent: string;
  /** Undefined while it is under way. */
  end: WorkEnd | undefined;
}

/** Tracing that keeps what it is told; the trace context of a span is that of its parent with the span's number behind it. */
export interface TracingSpy extends Pick<Tracing, 'beginEvents'> {
  readonly spans: readonly SpiedSpan[];
}

export function createTracingSpy(): TracingSpy {
  const spans: SpiedSpan[] = [];
  return {
    spans,
    beginEvents: (parent, work) => {
      const span: SpiedSpan = { ...work, parent, end: undefined };
      spans.push(span);
      return {
        traceparent: `${parent} ${spans.length}`,
        end: (end) => {
          span.end = end;
        },
      };
    },
  };
}
