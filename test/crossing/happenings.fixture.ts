import { customers, type Marked } from './marks.fixture.ts';
import type { People } from './people.fixture.ts';
import type { Front } from './start-front.fixture.ts';

/**
 * What happens to the shop and to sessions, one thing after the other, over and over: data changes, so that what is kept of it is made
 * anew; one call fails, which is made again; a service hangs past the time of a call, fails, or breaks off; users change places.
 */
export function createHappenings({ shop }: Pick<Front, 'shop'>, people: People) {
  const [ada, grace] = customers;
  const rename =
    ({ id, name }: Marked) =>
    (n: number) =>
      shop.rename(id, `${name} ${n}`);
  const reprice = (n: number) => shop.setPrice(`p${1 + (n % 9)}`, 100 + n);
  const happenings: readonly ((n: number) => unknown)[] = [
    rename(ada),
    reprice,
    () => shop.goOn(ada),
    () => shop.failOnce('customers', 'reset'),
    rename(grace),
    () => shop.goOn(grace),
    () => shop.setOrdersAway(true),
    () => shop.setOrdersAway(false),
    () => people.swap(0),
    reprice,
    () => shop.failOnce('catalog', 'reset'),
    rename(ada),
    (n) => {
      shop.setFault('customers', (['hang', 'fail', 'garble', 'reset'] as const)[Math.floor(n / 20) % 4]);
      return Promise.all([rename(ada)(n), rename(grace)(n)]);
    },
    () => shop.setFault('customers', undefined),
    () => people.swap(1),
    rename(grace),
    (n) => {
      shop.setFault('inventory', n % 40 < 20 ? 'hang' : 'garble');
      return reprice(n);
    },
    () => shop.setFault('inventory', undefined),
    () => shop.forgetCalls(),
    reprice,
  ];
  return async (n: number) => {
    await happenings[n % happenings.length]?.(n);
  };
}
