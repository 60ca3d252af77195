import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { RebuildNews } from '@portico/change-stream/views/views-admin.ts';
import type { ViewsOutput } from './run-views.ts';

/** News come every second; who says nothing for so long is not there any more. In milliseconds. */
const silentMs = 30_000;

/** Has the BFF with this admin port rebuild a view, and tells how far it is. @returns the exit code */
export async function rebuildByAdmin(
  { admin, bff, view }: { readonly admin: string; readonly bff: string; readonly view: string },
  { write, tell }: ViewsOutput,
): Promise<number> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silentMs);
  let last: RebuildNews | undefined;
  try {
    const answer = await ask(new URL(`/views/${encodeURIComponent(view)}/rebuild`, admin), silent.signal);
    if (!answer.ok || answer.body === null) {
      tell(`portico views: ${await refusalOf(answer)}`);
      return 1;
    }
    for await (const line of createInterface(Readable.fromWeb(answer.body as ReadableStream))) {
      timer.refresh();
      last = JSON.parse(line) as RebuildNews;
      if ('records' in last) tell(`folded ${last.records} of ${last.of} records`);
    }
  } catch (error) {
    last = { problem: silent.signal.aborted ? 'it says nothing any more' : reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
  if (last !== undefined && 'position' in last) {
    const { position, seconds } = last;
    write(
      `rebuilt the view ${bff} ${view} up to ${position.number} of ${position.epoch} in ${seconds.toFixed(1)} s\n`,
    );
    return 0;
  }
  const problem = last !== undefined && 'problem' in last ? last.problem : 'it ended before it was done';
  tell(problem.startsWith('damaged: ') ? problem : `portico views: ${problem}`);
  return 1;
}

function ask(url: URL, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    redirect: 'error',
    signal,
  });
}

async function refusalOf(answer: Response): Promise<string> {
  const { detail } = (await answer.json().catch(() => ({}))) as { detail?: string };
  return detail ?? `the admin port answered ${answer.status}`;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
