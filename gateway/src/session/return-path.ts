import { checkTarget } from '../middleware/refuse-target.ts';

const maxLength = 500;
const plainFragment = /^(?:#[\w\-.~!$&'()*+,;=:@%/?]*)?$/;

/**
 * Where a browser goes after it has signed in: a path of our own that is read in one way only, `/` instead of anything
 * else. Held to what the gateway takes as a target, so `//evil`, `/\evil`, `/%2f%2fevil`, tabs and schemes are none.
 */
export function toReturnPath(given: unknown): string {
  if (typeof given !== 'string' || given.length > maxLength) return '/';
  const at = given.indexOf('#');
  const target = at === -1 ? given : given.slice(0, at);
  if (!plainFragment.test(given.slice(target.length))) return '/';
  // It would only begin once more.
  if (/^\/auth\/(?:login|callback)(?:\?|$)/.test(target)) return '/';
  try {
    checkTarget(target);
    return given;
  } catch {
    return '/';
  }
}
