import { Problem } from '@portico/runtime/problems.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';

/** The services that a screen can't be without, as people call them. */
const names: Readonly<Record<string, string>> = {
  catalog: 'The catalogue',
  customers: 'The customer directory',
};

/**
 * What a failure of a service means to whoever asked us, where there is no screen without it. The failure of a part of
 * a screen never comes here; other errors stay what they are.
 */
export function toServiceProblem(error: unknown): unknown {
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
    case 'bad-answer':
    case 'refused':
      return new Problem('bad-upstream', `${name} gave an answer that can not be used.`, {
        cause: error,
      });
    default:
      return kind satisfies never;
  }
}
