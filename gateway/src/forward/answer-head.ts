import type { IncomingMessage } from 'node:http';
import type { AnswerFields } from './answer-fields.ts';
import { namedByConnection } from './hop-by-hop.ts';

/** Node reads no field beyond the thousandth, so an answer that reaches it may say more than can be seen here. */
const maxFields = 999;

export interface AnswerHead {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them: a field that comes several times stays several. */
  readonly fields: string[];
}

/**
 * The head of the answer to the client, from that of the upstream's. The reason phrase is not taken over. `policy` says
 * which fields are.
 * @throws Error when the upstream's head has a meaning that can't be passed on
 */
export function toAnswerHead(
  answer: IncomingMessage,
  requestId: string,
  { own, withoutPolicy, withheld }: AnswerFields,
): AnswerHead {
  const { statusCode: status = 0, headers, rawHeaders } = answer;
  if (status < 200 || status > 599) throw new Error(`the upstream answered with the status ${status}`);
  if (answer.httpVersionMajor !== 1) throw new Error('the upstream answered in another version of HTTP');
  if (rawHeaders.length > 2 * maxFields)
    throw new Error(`the upstream answered with over ${maxFields} fields`);
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new Error('the upstream answered with a transfer coding that is not understood');
  }

  const hopByHop = namedByConnection(headers.connection);
  const fields: string[] = [...own, 'X-Request-Id', requestId];
  if (headers['content-security-policy'] === undefined) fields.push(...withoutPolicy);
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const key = name.toLowerCase();
    if (withheld.has(key) || hopByHop?.has(key)) continue;
    // RFC 9110 section 8.6.
    if (status === 204 && key === 'content-length') continue;
    fields.push(name, rawHeaders[index + 1] as string);
  }
  return { status, fields };
}
