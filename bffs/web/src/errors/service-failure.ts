import { DeadlineExceeded } from '@portico/runtime/request-context.ts';
import type { ServiceError, ServiceErrorKind } from '@portico/service-client/service-error.ts';
import type { ErrorCode } from './error-codes.ts';

type FailureCode = Extract<ErrorCode, `SERVICE_${string}` | 'REQUEST_TIMEOUT'>;

const codes: Readonly<Record<ServiceErrorKind, FailureCode>> = {
  unreachable: 'SERVICE_UNAVAILABLE',
  reset: 'SERVICE_UNAVAILABLE',
  failed: 'SERVICE_UNAVAILABLE',
  'circuit-open': 'SERVICE_UNAVAILABLE',
  refused: 'SERVICE_UNAVAILABLE',
  timeout: 'SERVICE_TIMEOUT',
  cancelled: 'SERVICE_TIMEOUT',
  'bad-answer': 'SERVICE_BAD_ANSWER',
};

const explanations: Readonly<Record<FailureCode, string>> = {
  SERVICE_UNAVAILABLE: '# is not available at the moment.',
  SERVICE_TIMEOUT: '# did not answer in time.',
  SERVICE_BAD_ANSWER: '# gave an answer that can not be used.',
  REQUEST_TIMEOUT: 'The time of the request was over before # answered.',
};

export interface ServiceFailure {
  readonly code: ErrorCode;
  readonly service: string;
  readonly message: string;
}

/** What a refusal of a service means to the client; the others are mistakes between us and the service. */
function codeOfRefusal({ status, problem }: ServiceError): ErrorCode | undefined {
  switch (status) {
    case 400:
      return 'BAD_USER_INPUT';
    case 401:
      return 'UNAUTHENTICATED';
    case 403:
      return 'FORBIDDEN';
    case 404:
      return 'NOT_FOUND';
    case 501:
      return 'NOT_SUPPORTED';
    case 409:
    case 422:
      return problem === 'urn:portico:problem:conflict' ? 'IDEMPOTENCY_CONFLICT' : 'BAD_USER_INPUT';
    default:
      return undefined;
  }
}

/**
 * What a client is told of a service that gave no answer. Where what the client sent on to it was not right, the service
 * itself knows best what was wrong.
 * @param signal that of the request
 */
export function toServiceFailure(error: ServiceError, signal: AbortSignal): ServiceFailure {
  const { service, kind } = error;
  const refused = kind === 'refused' ? codeOfRefusal(error) : undefined;
  if (refused !== undefined && error.detail !== undefined) {
    return { code: refused, service, message: error.detail };
  }
  const late = codes[kind] === 'SERVICE_TIMEOUT' && signal.reason instanceof DeadlineExceeded;
  const code = late ? 'REQUEST_TIMEOUT' : codes[kind];
  return { code, service, message: explanations[code].replace('#', service) };
}
