import { Problem } from '@portico/runtime/problems.ts';

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]);

/** What an error on the way to or from an upstream means to the client. */
export function toForwardProblem(error: unknown): Problem {
  return unreachableCodes.has(codeOf(error)) ? unreachable(error) : unusable(error);
}

export function unreachable(cause: unknown): Problem {
  return new Problem('unavailable', 'What answers this path can not be reached at the moment.', { cause });
}

export function unusable(cause: unknown): Problem {
  return new Problem('bad-upstream', 'What answers this path gave no usable answer.', { cause });
}

export function tooLate(cause: string): Problem {
  return new Problem('timeout', 'What answers this path did not answer in its time.', {
    cause: new Error(cause),
  });
}

export function bodyTooSlow(): Problem {
  const headers = { Connection: 'close' };
  return new Problem('request-timeout', 'The body did not arrive in time.', { headers });
}

export function bodyTooLarge(maxBodyBytes: number): Problem {
  return new Problem('payload-too-large', `A body may have ${maxBodyBytes} bytes here.`);
}

/** Whether a connection broke without a byte of an answer. */
export function isBrokenConnection(error: unknown): boolean {
  return codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE';
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | undefined)?.code);
}
