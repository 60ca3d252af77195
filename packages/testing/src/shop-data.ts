import type { components as Catalog } from '@portico/contracts/generated/catalog.ts';
import type { components as Customers } from '@portico/contracts/generated/customers.ts';
import type { components as Inventory } from '@portico/contracts/generated/inventory.ts';
import type { components as Reviews } from '@portico/contracts/generated/reviews.ts';

/** What the stand-in services of `shop-services.ts` hold: the same small shop every time. */
export interface ShopData {
  readonly categories: readonly Catalog['schemas']['Category'][];
  /** p1 to p45, a third of them in each category; p1 costs 100, p2 200, and the later ones are newer. */
  readonly products: readonly Catalog['schemas']['Product'][];
  /** For every product but p3. p2 is sold out. */
  readonly stock: readonly Inventory['schemas']['Stock'][];
  /** Newest first. p1 has 25, p2 none, every other product 3. */
  readonly reviews: readonly Reviews['schemas']['Review'][];
  /** c1 to c5. Reviews are by c1 to c6, so some have an author who is gone. */
  readonly customers: readonly Customers['schemas']['Customer'][];
  /** Whether the catalog can sort by rating. */
  ratingsAreKnown: boolean;
}

const firstDay = Date.UTC(2025, 0, 1);
const dayMs = 86_400_000;

export function createShopData(): ShopData {
  const categories = [
    { id: 'coffee', name: 'Coffee' },
    { id: 'kitchen', name: 'Kitchen' },
    { id: 'garden', name: 'Garden' },
  ];
  const products = numbers(45).map((n) => {
    const category = categories[(n - 1) % 3] ?? { id: '', name: '' };
    return {
      id: `p${n}`,
      name: `Product ${n}`,
      description: `What there is to say about product ${n}.`,
      imageUrl: `/images/${category.id}/p${n}.svg`,
      category,
      price: { amount: n * 100, currency: 'EUR' },
      createdAt: new Date(firstDay + n * dayMs).toISOString(),
    };
  });
  const stock = numbers(45)
    .filter((n) => n !== 3)
    .map((n) => ({ productId: `p${n}`, quantity: n === 2 ? 0 : n, reserved: 1 }));
  const reviewed = products.flatMap(({ id }) => Array<string>(reviewCount(id)).fill(id));
  const reviews = reviewed
    .map((productId, index) => ({
      id: `r${index + 1}`,
      productId,
      customerId: `c${(index % 6) + 1}`,
      stars: (index % 5) + 1,
      body: `Review ${index + 1} of ${productId}.`,
      createdAt: new Date(firstDay + index * dayMs).toISOString(),
    }))
    .reverse();
  const customers = numbers(5).map((n) => ({ id: `c${n}`, displayName: `Customer ${n}` }));
  return { categories, products, stock, reviews, customers, ratingsAreKnown: true };
}

function reviewCount(productId: string): number {
  if (productId === 'p1') return 25;
  return productId === 'p2' ? 0 : 3;
}

/** 1 to `count`. */
function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
