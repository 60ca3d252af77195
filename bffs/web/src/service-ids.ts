import { loadOpenApi, type OpenApiName } from '@portico/contracts/openapi.ts';
import { compileSchema } from '@portico/runtime/openapi-schema.ts';

/** Whether a text can be an id, name a command, or be what is looked for, by the service's document. */
export interface ServiceIds {
  readonly isProduct: (id: string) => boolean;
  readonly isCategory: (id: string) => boolean;
  readonly isSearchText: (text: string) => boolean;
  readonly isReview: (id: string) => boolean;
  readonly isCustomer: (id: string) => boolean;
  readonly isOrder: (number: string) => boolean;
  readonly isPaymentToken: (token: string) => boolean;
  readonly isIdempotencyKey: (key: string) => boolean;
}

/**
 * Services refuse a whole batch for one malformed id, and would let the others of the batch down. So ids that come from
 * outside are looked at before they are joined with others.
 */
export function createServiceIds(): ServiceIds {
  return {
    isProduct: check('catalog', 'ProductId'),
    isCategory: check('catalog', 'CategoryId'),
    isSearchText: check('catalog', 'SearchText'),
    isReview: check('reviews', 'ReviewId'),
    isCustomer: check('customers', 'CustomerId'),
    isOrder: check('orders', 'OrderNumber'),
    isPaymentToken: check('orders', 'PaymentToken'),
    isIdempotencyKey: check('reviews', 'IdempotencyKey'),
  };
}

function check(service: OpenApiName, schema: string): (id: string) => boolean {
  const document = loadOpenApi(service);
  const validator = compileSchema({ $ref: `#/components/schemas/${schema}` }, document);
  return (id) => validator.Check(id);
}
