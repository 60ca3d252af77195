import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import { requireIdentity } from '@portico/runtime/identity.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import { screenAnswer } from '../screen-answer.ts';
import { openReads } from '../shop-reads.ts';

/** The customer whose token was sent. */
export function showMe(clients: ShopServices): OperationHandlers<operations>['showMe'] {
  return async ({ context }) => {
    const { subject } = requireIdentity(context);
    const customer = await openReads(clients, context).customer(subject);
    if (customer === null) throw new Problem('not-found', 'You are signed in, but no customer of this shop.');
    const { id, displayName } = customer;
    return screenAnswer({ id, displayName }, context);
  };
}
