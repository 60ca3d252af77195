import type { Random } from '@portico/runtime/seeded-random.ts';
import type { Pool } from 'undici';
import type { Ask, Somebody } from './asks.fixture.ts';
import type { Answered } from './judge.fixture.ts';

export interface Sending {
  readonly random: Random;
  /** Entity tags of answers at a path. */
  readonly tags: (path: string) => readonly string[];
  /** What somebody has to see: not always whoever asks. */
  readonly token: string | undefined;
}

/**
 * Asks, sometimes only for the head, sometimes with the tags of answers that whoever it was has got.
 * @returns undefined when it was given up, as some are after a moment
 */
export async function sendAsk(
  pool: Pool,
  ask: Ask,
  who: Somebody,
  { random, tags, token }: Sending,
): Promise<Answered | undefined> {
  const isStream = ask.accept === 'text/event-stream';
  const sent = ask.parts?.map(({ path }, at) => (at % 2 === 0 ? tags(path) : []));
  const body = sent === undefined ? ask.body : toBatch(ask, sent);
  const isGet = body === undefined;
  const isHead = isGet && !isStream && random() < 0.1;
  const known = isGet && random() < 0.5 ? tags(ask.path) : [];
  const takesToken = token !== undefined && ask.path.startsWith('/api/v1') && random() < 0.2;
  const signal = endOf(isStream, random);
  try {
    const answer = await pool.request({
      method: isHead ? 'HEAD' : isGet ? 'GET' : 'POST',
      path: ask.path,
      headers: {
        ...who.fields,
        ...(ask.accept && { accept: ask.accept }),
        ...(!isGet && { 'content-type': 'application/json' }),
        ...(known.length > 0 && { 'if-none-match': known.join(', ') }),
        ...(takesToken && { 'portico-consistency': token }),
      },
      ...(!isGet && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    const { statusCode: status, headers: fields } = answer;
    const text = isStream && status === 200 ? await firstEvent(answer.body) : await answer.body.text();
    return { status, fields, text, tags: sent?.flat() ?? known, isHead };
  } catch (error) {
    // The streams of a session end with it.
    if (signal?.aborted || (isStream && who.end !== 'none')) return undefined;
    throw new Error(`${ask.name} ${ask.path}`, { cause: error });
  }
}

/** One request of twenty is given up; a stream whose state can't be read is, too. */
function endOf(isStream: boolean, random: Random): AbortSignal | undefined {
  if (random() < 0.05) return AbortSignal.timeout(Math.floor(random() * 40));
  return isStream ? AbortSignal.timeout(1_000) : undefined;
}

function toBatch({ parts = [] }: Ask, sent: readonly (readonly string[])[]) {
  const requests = parts.map(({ path }, at) => {
    const known = sent[at] ?? [];
    return { url: path, ...(known.length > 0 && { headers: { 'If-None-Match': known.join(', ') } }) };
  });
  return { requests };
}

/** What a stream says first of its state. Then nobody reads it any more. */
async function firstEvent(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const bytes of body) {
    text += bytes.toString();
    if (/^event: next$.*\n\n/ms.test(text)) break;
  }
  return text;
}
