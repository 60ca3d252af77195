import type { ShopServices } from '@portico/coherent-cache/shop-services.ts';
import type { operations } from '@portico/contracts/generated/mobile.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { commandAnswer } from '../screen-answer.ts';
import { toAvailability, toMoney } from './compose-product-card.ts';

type Handlers = OperationHandlers<operations>;

/** Answers with the price as the catalog says that it is now. */
export function setPrice({ catalog }: ShopServices): Handlers['setPrice'] {
  return async ({ path, body, context }) => {
    const { id, price } = await catalog.command('put', '/products/{id}/price', { path, body }, context);
    return commandAnswer({ id, price: toMoney(price) }, context);
  };
}

/** Answers with the stock as inventory says that it is now. */
export function setStock({ inventory }: ShopServices): Handlers['setStock'] {
  return async ({ path, body, context }) => {
    const parameters = { path: { productId: path.id }, body };
    const stock = await inventory.command('put', '/stock/{productId}', parameters, context);
    return commandAnswer({ id: stock.productId, availability: toAvailability(stock) }, context);
  };
}
