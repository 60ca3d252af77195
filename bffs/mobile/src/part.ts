import type { components } from '@portico/contracts/generated/mobile.ts';
import { DeadlineExceeded } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';

/** The services whose failure costs a screen some of its members, but not the screen. */
export type PartName = components['schemas']['Degraded'][number];

/** What such a service gave for a screen, or that it failed. */
export type Part<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly from: PartName };

/**
 * Waits for a part. That its service failed, or didn't come in time, is an outcome; errors of ours go on as errors.
 */
export async function partFrom<Value>(from: PartName, reading: Promise<Value>): Promise<Part<Value>> {
  try {
    return { ok: true, value: await reading };
  } catch (error) {
    if (error instanceof ServiceError || error instanceof DeadlineExceeded) return { ok: false, from };
    throw error;
  }
}

/** The member `degraded` of a screen made of these parts: each failed service once; not there if none failed. */
export function degradedBy(parts: readonly Part<unknown>[]): { degraded?: PartName[] } {
  const failed = new Set(parts.flatMap((part) => (part.ok ? [] : [part.from])));
  return failed.size === 0 ? {} : { degraded: [...failed].sort() };
}
