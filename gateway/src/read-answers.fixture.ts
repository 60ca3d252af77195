import { readChunks } from './recording-origin.fixture.ts';

/** An answer as it is on the wire between a client and the gateway. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; those of several lines of one name are joined by a line feed. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Answers {
  readonly answers: readonly Answer[];
  /** What was said before them. */
  readonly informational: readonly Omit<Answer, 'body'>[];
  /** The last answer broke off: it is not among the answers. */
  readonly cut: boolean;
}

const fieldPattern = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)$/;

/**
 * Reads all that a connection gave until it ended, as strict as can be.
 * @param methods of the requests, in their order: the answer to a HEAD has no body
 * @throws Error when these are not HTTP/1.1 answers
 */
export function readAnswers(bytes: string, methods: readonly (string | undefined)[]): Answers {
  const answers: Answer[] = [];
  const informational: Omit<Answer, 'body'>[] = [];
  let text = bytes;
  while (text !== '') {
    const end = text.indexOf('\r\n\r\n');
    const head = end === -1 ? undefined : readHead(text.slice(0, end));
    if (head === undefined) return { answers, informational, cut: true };
    text = text.slice(end + 4);
    // What follows is not HTTP any more.
    if (head.status === 101)
      return { answers: [...answers, { ...head, body: text }], informational, cut: false };
    if (head.status < 200) {
      informational.push(head);
      continue;
    }
    const read = readBody(head, methods[answers.length], text);
    if (read === undefined) return { answers, informational, cut: true };
    answers.push({ ...head, body: read.body });
    text = text.slice(read.length);
  }
  return { answers, informational, cut: false };
}

function readHead(head: string): Omit<Answer, 'body'> {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) [ -~]*$/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = fieldPattern.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not a field: ${JSON.stringify(line)}`);
    const key = name.toLowerCase();
    fields.set(key, fields.has(key) ? `${fields.get(key)}\n${value}` : value);
  }
  return { status, fields };
}

/** The body of an answer; undefined when it is not whole. */
function readBody(
  { status, fields }: Omit<Answer, 'body'>,
  method: string | undefined,
  text: string,
): { body: string; length: number } | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return { body: '', length: 0 };
  const coding = fields.get('transfer-encoding');
  const length = fields.get('content-length');
  if (coding === 'chunked' && length === undefined) return readChunks(text);
  if (coding !== undefined) throw new Error(`framed by ${coding} and ${length}`);
  if (length === undefined) {
    if (fields.get('connection') !== 'close') throw new Error('an answer without an end');
    return { body: text, length: text.length };
  }
  if (!/^\d+$/.test(length)) throw new Error(`not a length: ${length}`);
  return text.length < Number(length)
    ? undefined
    : { body: text.slice(0, Number(length)), length: Number(length) };
}
