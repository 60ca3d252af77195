import { Pool } from 'undici';

/** A client of a BFF that asks for the price of a product. */
export interface ProductReads {
  /** Undefined when the answer is an error. */
  price(id: string): Promise<number | undefined>;
}

interface Asked {
  readonly path: (id: string) => string;
  // biome-ignore lint/suspicious/noExplicitAny: what comes is what was asked for
  readonly priceIn: (body: any) => number | undefined;
}

const query = encodeURIComponent('query ($sku: String!) { product(sku: $sku) { price { amount } } }');

const apis: Readonly<Record<'web' | 'mobile', Asked>> = {
  web: {
    path: (id) => `/graphql?query=${query}&variables=${encodeURIComponent(JSON.stringify({ sku: id }))}`,
    priceIn: (body) => body.data?.product?.price.amount,
  },
  mobile: { path: (id) => `/api/v1/products/${id}`, priceIn: (body) => body.price?.amount },
};

/** Asks the web BFF in GraphQL for the price alone, the mobile BFF for the whole page of the product. */
export function openProductReads(
  name: 'web' | 'mobile',
  url: string,
  connections: number,
  ending: AsyncDisposableStack,
): ProductReads {
  const { path, priceIn } = apis[name];
  const pool = new Pool(url, { connections, headersTimeout: 10_000, bodyTimeout: 10_000 });
  ending.defer(() => pool.destroy());
  return {
    price: async (id) => {
      const { body } = await pool.request({ path: path(id), method: 'GET' });
      return priceIn(await body.json());
    },
  };
}
