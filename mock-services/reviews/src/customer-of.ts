import { loadOpenApi } from '@portico/contracts/openapi.ts';
import { forbidden, requireIdentity } from '@portico/runtime/identity.ts';
import { compileSchema } from '@portico/runtime/openapi-schema.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';

/**
 * Tells which customer a request comes from. A provider may name its users as it likes: one whose name can't be the id
 * of a customer would make every page with their review unreadable.
 */
export function createCustomerOf(): (context: RequestContext) => string {
  const customerId = compileSchema({ $ref: '#/components/schemas/CustomerId' }, loadOpenApi('reviews'));
  return (context) => {
    const { subject } = requireIdentity(context);
    if (!customerId.Check(subject)) throw forbidden('Only customers of the shop review its products.');
    return subject;
  };
}
