import { Problem } from './problems.ts';

/** Nobody who takes part in an order takes two lines of one product. @throws Problem `invalid-request` */
export function requireOneLineEach(lines: readonly { readonly productId: string }[]): void {
  const ids = lines.map(({ productId }) => productId);
  const twin = ids.find((id, index) => ids.indexOf(id) < index);
  if (twin === undefined) return;
  throw new Problem('invalid-request', `Each product once: "${twin}" stands in two lines.`);
}
