/** The services of the shop. Each has a workspace, an OpenAPI document and, where it runs, a database of this name. */
export const serviceNames = [
  'catalog',
  'inventory',
  'reviews',
  'customers',
  'orders',
  'payments',
  'shipping',
] as const;
export type ServiceName = (typeof serviceNames)[number];
