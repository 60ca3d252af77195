import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import type { EventWork, Span, Tracing, WorkEnd } from '@portico/runtime/tracing.ts';
import type { SourceWriter } from './event-hub.ts';

export type EventTracing = Pick<Tracing, 'beginEvents'> | undefined;

/** What is done, with how many events of whom aside. */
export type RecordWork = Omit<EventWork, 'destination' | 'count'>;

interface Traceable {
  readonly source: string;
  readonly events: readonly ChangeEvent[];
}

/**
 * Does something with records, and records it: for each record a span in each trace that its events are a part of, and nothing
 * for events of no trace.
 * @param workOf what is done with a record
 * @param run is given the records with events that go on in their span. The spans end when it is done, or when what it gives has settled.
 */
export function traceRecords<Each extends Traceable, Result>(
  tracing: EventTracing,
  workOf: (record: Each) => RecordWork,
  records: readonly Each[],
  run: (records: readonly Each[]) => Result,
): Result {
  if (tracing === undefined) return run(records);
  const spans: Span<WorkEnd>[] = [];
  const own = records.map((record) => beginRecord(tracing, workOf(record), record, spans));
  if (spans.length === 0) return run(records);
  const end = (error?: unknown) => {
    for (const span of spans) span.end({ error });
  };
  const fail = (error: unknown): never => {
    end(error);
    throw error;
  };
  try {
    const result = run(own);
    if (result instanceof Promise) {
      return result.then((value) => {
        end();
        return value;
      }, fail) as Result;
    }
    end();
    return result;
  } catch (error) {
    return fail(error);
  }
}

function beginRecord<Each extends Traceable>(
  tracing: NonNullable<EventTracing>,
  work: RecordWork,
  record: Each,
  spans: Span<WorkEnd>[],
): Each {
  const traced = Map.groupBy(record.events, ({ traceparent }) => traceparent);
  const begun = new Map<string, string>();
  for (const [parent, { length: count }] of traced) {
    if (parent === undefined) continue;
    const span = tracing.beginEvents(parent, { ...work, destination: record.source, count });
    if (span === undefined) continue;
    spans.push(span);
    begun.set(parent, span.traceparent);
  }
  if (begun.size === 0) return record;
  const events = record.events.map((event) => {
    const traceparent = event.traceparent && begun.get(event.traceparent);
    return traceparent === undefined ? event : { ...event, traceparent };
  });
  return { ...record, events };
}

/** A writer whose appends are recorded; what it appends goes on with the span of that. */
export function traceAppends(writer: SourceWriter, tracing: EventTracing): SourceWriter {
  return {
    stored: writer.stored,
    append: (records, progress) =>
      traceRecords(
        tracing,
        () => ({ operation: 'append' }),
        records,
        (own) => writer.append(own, progress),
      ),
    release: () => writer.release(),
  };
}
