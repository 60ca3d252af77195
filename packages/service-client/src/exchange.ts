import { errors, type Pool } from 'undici';
import { ServiceError } from './service-error.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Aborts with the reason for which nobody waits any more. */
  readonly signal: AbortSignal;
  /** The time for this exchange, from the first byte out to the last byte in. */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

export interface Exchanged {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The JSON of the body; undefined when there is none. */
  readonly json: unknown;
}

/**
 * One request and one whole answer, with nothing tried again.
 * @throws ServiceError `unreachable`, `reset`, `timeout`, `bad-answer` or `cancelled`; the status is not judged here.
 */
export async function exchange(pool: Pool, service: string, request: ExchangeRequest): Promise<Exchanged> {
  const { signal, timeoutMs } = request;
  const ending = new AbortController();
  const late = () => ending.abort(new ServiceError(service, 'timeout', `no answer within ${timeoutMs} ms`));
  const gone = () => {
    ending.abort(new ServiceError(service, 'cancelled', 'nobody waits any more', { cause: signal.reason }));
  };
  const timer = setTimeout(late, timeoutMs);
  signal.addEventListener('abort', gone, { once: true });
  try {
    if (signal.aborted) gone();
    const answer = await pool.request({
      method: request.method,
      path: request.path,
      headers: request.headers,
      body: request.body ?? null,
      signal: ending.signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const bytes = await readBody(answer.body, request.maxAnswerBytes, service);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      json: parseJson(bytes, answer.headers['content-type'], service),
    };
  } catch (error) {
    if (ending.signal.aborted) throw ending.signal.reason;
    throw toServiceError(error, service);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', gone);
  }
}

async function readBody(body: AsyncIterable<Buffer>, maxBytes: number, service: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop by a throw ends the connection, so the rest is not read either.
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes)
      throw new ServiceError(service, 'bad-answer', `answered more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function parseJson(bytes: Buffer, contentType: unknown, service: string): unknown {
  if (bytes.length === 0) return undefined;
  if (!/^application\/(problem\+)?json\b/i.test(String(contentType))) {
    throw new ServiceError(service, 'bad-answer', 'answered something else than JSON');
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ServiceError(service, 'bad-answer', 'answered JSON that can not be parsed', { cause: error });
  }
}

function toServiceError(error: unknown, service: string): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof errors.ConnectTimeoutError) {
    return new ServiceError(service, 'unreachable', 'no connection in time', { cause: error });
  }
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new ServiceError(service, 'timeout', 'no answer in time', { cause: error });
  }
  const code = String((error as NodeJS.ErrnoException).code);
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EACCES)$/.test(code)) {
    return new ServiceError(service, 'unreachable', 'no connection', { cause: error });
  }
  const { name } = error as Error;
  if (name === 'HTTPParserError' || error instanceof errors.HeadersOverflowError) {
    return new ServiceError(service, 'bad-answer', 'answered something else than HTTP', { cause: error });
  }
  return new ServiceError(service, 'reset', 'the connection broke', { cause: error });
}
