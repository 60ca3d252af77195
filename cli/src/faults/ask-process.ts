import type { Fault, FaultSummary, Resolution } from '@portico/change-stream/faults/fault-desk.ts';
import type { AdminProcess } from './find-processes.ts';

const timeoutMs = 10_000;

/** A process that gave no answer that can be used. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

/** What processes say of their faults; undefined where they have none, or not this one. Each call throws NoAnswer. */
export const listFaults = async (process: AdminProcess): Promise<readonly FaultSummary[]> =>
  (await ask<{ items: readonly FaultSummary[] }>(process, 'GET', ''))?.items ?? [];
export const showFault = (process: AdminProcess, id: string): Promise<Fault | undefined> =>
  ask(process, 'GET', `/${encodeURIComponent(id)}`);
export const resolveFault = (
  process: AdminProcess,
  id: string,
  action: 'resubmit' | 'discard',
): Promise<Resolution | undefined> => ask(process, 'POST', `/${encodeURIComponent(id)}/${action}`);

async function ask<Answer>(
  { name, admin }: AdminProcess,
  method: string,
  path: string,
): Promise<Answer | undefined> {
  try {
    const answer = await fetch(`${admin}/event-faults${path}`, {
      method,
      ...(method === 'POST' && { body: '{}', headers: { 'content-type': 'application/json' } }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = (await answer.json()) as Answer & { detail?: string };
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`answered ${answer.status}: ${body.detail ?? ''}`);
    return body;
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error && cause.message !== '' ? cause.message : message;
    throw new NoAnswer(`${name} (${admin}) could not be asked: ${why}`);
  }
}
