import type { IncomingMessage } from 'node:http';
import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_RESEND_COUNT,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
  DB_SYSTEM_NAME_VALUE_POSTGRESQL,
} from '@opentelemetry/semantic-conventions';
import type { Call, CallEnd, EventWork, Query, RequestEnd, StepWork, WorkEnd } from './tracing.ts';

/** What is known of a span when it ends. */
export interface SpanEnding {
  readonly name?: string;
  readonly attributes?: Attributes;
  /** One of few words; the span counts as failed where there is one. */
  readonly error?: string | undefined;
}

/** Texts that clients or programmers make as long as they like end here, so that waiting spans have a size. */
const maxLength = 2_000;

/** As little of a request as its log line has: no query, no fields. */
export function describeArrival({ method, url = '', headers, httpVersion }: IncomingMessage): Attributes {
  return {
    [ATTR_HTTP_REQUEST_METHOD]: method,
    [ATTR_URL_PATH]: url.split('?', 1)[0]?.slice(0, maxLength),
    [ATTR_URL_SCHEME]: 'http',
    [ATTR_SERVER_ADDRESS]: headers.host?.replace(/:\d*$/, ''),
    [ATTR_NETWORK_PROTOCOL_VERSION]: httpVersion,
  };
}

/** A server's span failed where the server did: 5xx (OpenTelemetry's conventions for HTTP, "Status"). */
export function describeRequestEnd(
  method: string,
  { route, status, requestId, cache }: RequestEnd,
): SpanEnding {
  const attributes: Attributes = {
    [ATTR_HTTP_ROUTE]: route,
    [ATTR_HTTP_RESPONSE_STATUS_CODE]: status,
    'portico.request_id': requestId,
  };
  if (cache.hits + cache.misses > 0) {
    attributes['portico.cache.hits'] = cache.hits;
    attributes['portico.cache.misses'] = cache.misses;
  }
  return {
    name: route === undefined ? method : `${method} ${route}`,
    attributes,
    error: status >= 500 ? String(status) : undefined,
  };
}

export function describeCall({ method, url, path, resends }: Call): Attributes {
  const { origin, hostname, port, protocol } = new URL(url);
  return {
    [ATTR_HTTP_REQUEST_METHOD]: method,
    [ATTR_URL_FULL]: `${origin}${path}`.slice(0, maxLength),
    [ATTR_SERVER_ADDRESS]: hostname,
    [ATTR_SERVER_PORT]: Number(port || (protocol === 'https:' ? 443 : 80)),
    [ATTR_HTTP_REQUEST_RESEND_COUNT]: resends === 0 ? undefined : resends,
  };
}

/** A client's span failed by 4xx too. */
export function describeCallEnd({ status, error }: CallEnd): SpanEnding {
  return {
    attributes: { [ATTR_HTTP_RESPONSE_STATUS_CODE]: status },
    error: status !== undefined && status >= 400 ? String(status) : error,
  };
}

/** A statement is named for what it does and to which table, and shown with parameters instead of values. */
export function describeQuery({ database, sql, error }: Query): Required<SpanEnding> {
  const operation = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase();
  // Not the name of a function, such as unnest.
  const table = /\b(?:from|into|update)\s+"?(\w+)(?![\w(])/i.exec(sql)?.[1];
  const { code } = (error ?? {}) as { code?: unknown };
  return {
    name: [operation, table].filter((word) => word !== undefined).join(' '),
    attributes: {
      [ATTR_DB_SYSTEM_NAME]: DB_SYSTEM_NAME_VALUE_POSTGRESQL,
      [ATTR_DB_NAMESPACE]: database.pathname.slice(1),
      [ATTR_DB_OPERATION_NAME]: operation,
      [ATTR_DB_COLLECTION_NAME]: table,
      [ATTR_DB_QUERY_TEXT]: sql.slice(0, maxLength),
      [ATTR_DB_RESPONSE_STATUS_CODE]: typeof code === 'string' ? code : undefined,
      [ATTR_SERVER_ADDRESS]: database.hostname,
      [ATTR_SERVER_PORT]: Number(database.port || 5432),
    },
    error: error === undefined ? undefined : typeof code === 'string' ? code : '_OTHER',
  };
}

/** OpenTelemetry's conventions for messaging, which are not stable yet, so that the package has no names for them that stay. */
export function describeEvents({ operation, destination, consumer, count }: EventWork): Attributes {
  return {
    'messaging.system': 'portico',
    'messaging.operation.name': operation,
    'messaging.operation.type': operationTypes[operation],
    'messaging.destination.name': destination,
    'messaging.consumer.group.name': consumer,
    'messaging.batch.message_count': count === 1 ? undefined : count,
  };
}

const operationTypes: Readonly<Record<EventWork['operation'], string | undefined>> = {
  capture: undefined,
  append: 'send',
  apply: 'process',
  fold: 'process',
  process: 'process',
  send: 'send',
};

export function describeStep({ id, resends }: StepWork): Attributes {
  return { 'portico.step.id': id, 'portico.step.resend_count': resends === 0 ? undefined : resends };
}

export function describeWorkEnd({ error }: WorkEnd): SpanEnding {
  if (error === undefined) return {};
  const { code, name } = error as { code?: unknown; name?: unknown };
  return { error: [code, name, '_OTHER'].find((word) => typeof word === 'string') as string };
}
