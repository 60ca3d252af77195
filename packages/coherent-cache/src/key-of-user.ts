import type { Identity } from '@portico/runtime/access-token.ts';

/**
 * All of an identity that an answer can depend on, so that nobody is ever given what was read for somebody else, or for
 * the same user with other rights. It has no space, and so no end that a name could feign.
 */
export function keyOfUser({ subject, roles, scopes }: Identity): string {
  return encodeURIComponent(JSON.stringify([subject, roles.toSorted(), scopes.toSorted()]));
}
