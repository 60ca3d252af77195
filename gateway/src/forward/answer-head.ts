import type { IncomingMessage } from 'node:http';
import type { AnswerFields } from './answer-fields.ts';
import { namedByConnection } from './hop-by-hop.ts';

/** Node reads no field beyond the thousandth, so an answer that reaches it may say more than can be seen here. */
const maxFields = 999;

export interface AnswerHead {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them: a field that comes several times stays several. */
  readonly fields: string[];
  readonly isEventStream: boolean;
}

/**
 * The head of the answer to the client, from that of the upstream's. The reason phrase is not taken over. `policy` says
 * which fields are. Reads the fields as they came, once: `headers` would be made for this alone.
 * @throws Error when the upstream's head has a meaning that can't be passed on
 */
export function toAnswerHead(
  answer: IncomingMessage,
  requestId: string,
  { own, withoutPolicy, withheld }: AnswerFields,
): AnswerHead {
  const { statusCode: status = 0, rawHeaders } = answer;
  if (status < 200 || status > 599) throw new Error(`the upstream answered with the status ${status}`);
  if (answer.httpVersionMajor !== 1) throw new Error('the upstream answered in another version of HTTP');
  if (rawHeaders.length > 2 * maxFields)
    throw new Error(`the upstream answered with over ${maxFields} fields`);

  const fields: string[] = [...own, 'X-Request-Id', requestId];
  const ownLength = fields.length;
  let connection: string | undefined;
  let codings = 0;
  let hasPolicy = false;
  let isEventStream = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    const key = name.toLowerCase();
    if (key === 'connection') connection = connection === undefined ? value : `${connection}, ${value}`;
    else if (key === 'transfer-encoding') {
      codings += 1;
      if (codings > 1 || value.toLowerCase() !== 'chunked')
        throw new Error('the upstream answered with a transfer coding that is not understood');
    } else if (key === 'content-security-policy') hasPolicy = true;
    else if (key === 'content-type') isEventStream = /^text\/event-stream\b/i.test(value);
    if (withheld.has(key)) continue;
    // RFC 9110 section 8.6.
    if (status === 204 && key === 'content-length') continue;
    fields.push(name, value);
  }
  const hopByHop = namedByConnection(connection);
  if (hopByHop !== undefined) removeFields(fields, ownLength, hopByHop);
  if (!hasPolicy) fields.push(...withoutPolicy);
  return { status, fields, isEventStream };
}

function removeFields(fields: string[], from: number, names: ReadonlySet<string>): void {
  for (let index = fields.length - 2; index >= from; index -= 2) {
    if (names.has((fields[index] as string).toLowerCase())) fields.splice(index, 2);
  }
}
