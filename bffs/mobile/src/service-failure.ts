import { forbidden } from '@portico/runtime/identity.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { ClientGone, DeadlineExceeded } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';

/** The services that a screen or a command can't be without, as people call them. */
const names: Readonly<Record<string, string>> = {
  catalog: 'The catalogue',
  customers: 'The customer directory',
  inventory: 'The warehouse',
  orders: 'The order desk',
  reviews: 'The reviews',
};

/**
 * What a failure of a service means to whoever asked us, where there is no screen without it. The failure of a part of
 * a screen never comes here. A read that others had begun may have ended by its own time. Other errors stay what they are.
 */
export function toServiceProblem(error: unknown): unknown {
  if (error instanceof DeadlineExceeded || error instanceof ClientGone) {
    return new Problem('timeout', 'What this is made of could not be read in time.', { cause: error });
  }
  if (!(error instanceof ServiceError)) return error;
  const { kind } = error;
  const name = names[error.service] ?? 'A service';
  switch (kind) {
    case 'unreachable':
    case 'reset':
    case 'failed':
    case 'circuit-open':
      return new Problem('unavailable', `${name} is not available at the moment.`, {
        headers: { 'Retry-After': '1' },
        cause: error,
      });
    case 'timeout':
    case 'cancelled':
      return new Problem('timeout', `${name} did not answer in time.`, { cause: error });
    case 'refused':
      return toRefusal(error) ?? unusable(name, error);
    case 'bad-answer':
      return unusable(name, error);
    default:
      return kind satisfies never;
  }
}

/** What a service says of whoever asks, or of a command. The rest of what it refuses is a mistake between us and it. */
function toRefusal(error: ServiceError): Problem | undefined {
  const { status, detail = 'The service of this command refused it.', problem } = error;
  const options = { cause: error };
  switch (status) {
    case 401:
      return new Problem('unauthenticated', detail, {
        ...options,
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    case 403:
      return forbidden(detail);
    case 404:
      return new Problem('not-found', detail, options);
    case 409:
    case 422:
      return problem === 'urn:portico:problem:conflict'
        ? new Problem('conflict', detail, { ...options, extensions: { code: 'IDEMPOTENCY_CONFLICT' } })
        : new Problem('invalid-request', detail, options);
    default:
      return undefined;
  }
}

function unusable(name: string, cause: ServiceError): Problem {
  return new Problem('bad-upstream', `${name} gave an answer that can not be used.`, { cause });
}
