import type { ServerResponse } from 'node:http';

/**
 * Every kind of problem that a Portico process answers with (RFC 9457), and its status. The list is closed: what is
 * not in it can't be sent. docs/problems.md explains each to those who receive it.
 */
export const problemTypes = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'You are not signed in' },
  forbidden: { status: 403, title: 'You may not do this' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  gone: { status: 410, title: 'This is not there any more' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'uri-too-long': { status: 414, title: 'The address is too long' },
  'unsupported-media-type': { status: 415, title: 'The body has a type that is not understood here' },
  'expectation-failed': { status: 417, title: 'The expectation can not be met' },
  conflict: { status: 422, title: 'The request conflicts with an earlier one' },
  'upgrade-required': { status: 426, title: 'This version is not served' },
  'too-many-requests': { status: 429, title: 'You have sent too many requests' },
  'fields-too-large': { status: 431, title: 'The header fields are too large' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  'not-supported': { status: 501, title: 'This is not supported yet' },
  'bad-upstream': { status: 502, title: 'A part behind this one gave an answer that can not be used' },
  unavailable: { status: 503, title: 'This is not available at the moment' },
  timeout: { status: 504, title: 'A part behind this one did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemName = keyof typeof problemTypes;

export interface ProblemOptions {
  /** Members beside the standard ones (RFC 9457 section 3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Fields of the answer, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What really happened; for the log, never for the answer. */
  readonly cause?: unknown;
}

/** A refusal or failure with a name from the closed list. Throw it anywhere; one place turns it into an answer. */
export class Problem extends Error {
  override name = 'Problem';
  readonly problem: ProblemName;
  readonly status: number;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail for the receiver: what was expected and what came; no internals. */
  constructor(problem: ProblemName, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.problem = problem;
    this.status = problemTypes[problem].status;
    this.extensions = options.extensions ?? {};
    this.headers = options.headers ?? {};
  }
}

/** The JSON body of a problem (RFC 9457 section 3). */
export function problemBody(problem: Problem, requestId: string | undefined): string {
  return JSON.stringify({
    type: `urn:portico:problem:${problem.problem}`,
    title: problemTypes[problem.problem].title,
    status: problem.status,
    detail: problem.message,
    ...problem.extensions,
    ...(requestId === undefined ? {} : { requestId }),
  });
}

/** Sends a problem as the whole answer. When an answer has begun already, cuts it off, so that it never looks complete. */
export function sendProblem(res: ServerResponse, problem: Problem, requestId: string | undefined): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const name of ['ETag', 'Content-Encoding', 'Content-Length', 'Last-Modified']) res.removeHeader(name);
  for (const [name, value] of Object.entries(problem.headers)) res.setHeader(name, value);
  res.statusCode = problem.status;
  res.setHeader('Content-Type', 'application/problem+json');
  res.setHeader('Cache-Control', 'no-store');
  res.end(res.req?.method === 'HEAD' ? undefined : problemBody(problem, requestId));
}

/** The problem that an error stands for: itself, what a body parser or router meant, or `internal`. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { status, type } = error as { status?: unknown; type?: unknown };
  if (error instanceof URIError) {
    return new Problem('invalid-request', 'The path is not valid percent-encoded UTF-8.', { cause: error });
  }
  switch (status) {
    case 400:
      return new Problem('invalid-request', parserDetail(type), { cause: error });
    case 413:
      return new Problem('payload-too-large', 'The body is larger than this endpoint takes.', {
        cause: error,
      });
    case 415:
      return new Problem('unsupported-media-type', 'Send the body as uncompressed UTF-8 JSON.', {
        cause: error,
      });
    default:
      return new Problem('internal', 'The request failed. The log knows it by its requestId.', {
        cause: error,
      });
  }
}

function parserDetail(type: unknown): string {
  switch (type) {
    case 'entity.parse.failed':
      return 'The body is not valid JSON.';
    case 'request.aborted':
    case 'request.size.invalid':
      return 'The body is shorter than its Content-Length.';
    default:
      return 'The request could not be read.';
  }
}
