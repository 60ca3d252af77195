import type { ChangeEvent } from './change-event.ts';

/** A change as CloudEvents 1.0 has it, in JSON. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly dataschema: string;
  readonly data: ChangeEvent['data'];
  /** Of the extension for distributed tracing. */
  readonly traceparent?: string;
}

/** `source` of a service's events (CloudEvents 1.0 section 3.1: with `id` it tells events apart). */
export const cloudEventSource = (source: string): string => `urn:portico:service:${source}`;

/** `type` of an event, with the service's name, so that no two services share one. */
export const cloudEventType = (source: string, type: string): string => `dev.portico.${source}.${type}`;

/** `dataschema` of an event; another one when the schema changes so that old readers don't understand it. */
export const cloudEventSchema = (source: string, type: string): string =>
  `urn:portico:events:${source}:${type}:1`;

/** @param record what the event came in; `committedAt` in epoch milliseconds */
export function toCloudEvent(
  record: { readonly source: string; readonly committedAt: number },
  { id, type, key, data, traceparent }: ChangeEvent,
): CloudEvent {
  return {
    specversion: '1.0',
    id,
    source: cloudEventSource(record.source),
    type: cloudEventType(record.source, type),
    subject: key,
    time: new Date(record.committedAt).toISOString(),
    datacontenttype: 'application/json',
    dataschema: cloudEventSchema(record.source, type),
    data,
    ...(traceparent !== undefined && { traceparent }),
  };
}
