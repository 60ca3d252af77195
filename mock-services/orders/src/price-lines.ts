import type { paths } from '@portico/contracts/generated/catalog.ts';
import type { components } from '@portico/contracts/generated/orders.ts';
import { requireOneLineEach } from '@portico/runtime/one-line-each.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import type { ServiceClient } from '@portico/service-client/service-client.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { OrderLine } from './order.ts';

export type Catalog = ServiceClient<paths>;

/**
 * The lines with the catalog's prices of now.
 * @throws Problem `invalid-request` for a product that stands in two lines or that there is not, `unavailable` or `timeout` when
 * the catalog does not say
 */
export async function priceLines(
  catalog: Catalog,
  lines: components['schemas']['NewOrder']['lines'],
  context: RequestContext,
): Promise<readonly OrderLine[]> {
  requireOneLineEach(lines);
  const ids = lines.map(({ productId }) => productId);
  const { items } = await catalog.get('/products', { query: { ids } }, { context }).catch(failPricing);
  const prices = new Map(items.map(({ id, price }) => [id, price]));
  return lines.map(({ productId, quantity }) => {
    const unitPrice = prices.get(productId);
    if (unitPrice === undefined)
      throw new Problem('invalid-request', `No product has the id "${productId}".`);
    return { productId, quantity, unitPrice: { amount: unitPrice.amount, currency: unitPrice.currency } };
  });
}

function failPricing(error: unknown): never {
  if (!(error instanceof ServiceError)) throw error;
  const kind = error.kind === 'timeout' ? 'timeout' : 'unavailable';
  throw new Problem(kind, 'The prices of the products can not be had at the moment.', { cause: error });
}
