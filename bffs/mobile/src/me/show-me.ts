import type { operations } from '@portico/contracts/generated/mobile.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';

/** Nobody can sign in, so nobody is anybody. */
export const showMe: OperationHandlers<operations>['showMe'] = () => {
  throw new Problem('unauthenticated', 'Send the access token of a customer as a bearer token.', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
};
