import { Problem } from '@portico/runtime/problems.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';

/**
 * What a failure of the catalog means to whoever asked us: without products there is no screen. Failures of other
 * services never come here, as they are parts of a screen; other errors stay what they are.
 */
export function toCatalogProblem(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error;
  const { kind } = error;
  switch (kind) {
    case 'unreachable':
    case 'reset':
    case 'failed':
    case 'circuit-open':
      return new Problem('unavailable', 'The catalogue is not available at the moment.', {
        headers: { 'Retry-After': '1' },
        cause: error,
      });
    case 'timeout':
    case 'cancelled':
      return new Problem('timeout', 'The catalogue did not answer in time.', { cause: error });
    case 'bad-answer':
    case 'refused':
      return new Problem('bad-upstream', 'The catalogue gave an answer that can not be used.', {
        cause: error,
      });
    default:
      return kind satisfies never;
  }
}
