import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import { requireIdentity } from '@portico/runtime/identity.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { ShowScreen } from '../screen-answer.ts';
import { openReads } from '../shop-reads.ts';

/** The customer whose token was sent. */
export function showMe(clients: ShopServices): ShowScreen<'showMe'> {
  return async ({ context }) => {
    const { subject } = requireIdentity(context);
    const customer = await openReads(clients, context).customer(subject);
    if (customer === null) throw new Problem('not-found', 'You are signed in, but no customer of this shop.');
    const { id, displayName } = customer;
    return { id, displayName };
  };
}
