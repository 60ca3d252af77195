/**
 * The orders that the catalog's lists come in; both directions of the price are one. What a search finds, and how well it
 * matches, is an order as well.
 */
export const productOrders = ['featured', 'price', 'newest', 'rating', 'search'] as const;
export type ProductOrder = (typeof productOrders)[number];

/** A product, also one that does not exist. */
export const productTag = (id: string): string => `product:${id}`;

/** Which products stand in a list, and where: of one category, or of all. */
export const productListTag = (order: ProductOrder, category?: string): string =>
  category === undefined ? `products:${order}` : `products:${order}:${category}`;

/** The name of a category, and whether there is one. */
export const categoryTag = (id: string): string => `category:${id}`;

/** Which categories there are, in which order, under which names. */
export const categoriesTag = 'categories';

export const stockTag = (productId: string): string => `stock:${productId}`;

/** All reviews of a product: which there are, what they say, and what they come to. */
export const reviewsOfTag = (productId: string): string => `reviews-of:${productId}`;

export const reviewTag = (id: string): string => `review:${id}`;

export const customerTag = (id: string): string => `customer:${id}`;

/** Which customers were forgotten. */
export const forgottenTag = 'forgotten-customers';

export const orderTag = (number: string): string => `order:${number}`;

/** Which orders a customer has, and where they stand. */
export const ordersOfTag = (customerId: string): string => `orders-of:${customerId}`;

export const paymentTag = (orderNumber: string): string => `payment:${orderNumber}`;

export const shipmentTag = (orderNumber: string): string => `shipment:${orderNumber}`;
