import { type ConnectionArguments, readAfter, readFirst, toConnection } from '../relay/connection.ts';
import type { WebContext } from '../web-context.ts';

const defaultFirst = 10;
const maxFirst = 20;

/** The reviews of a product. The first ones of all products of a page are read together; going on is a read of its own. */
export async function reviewsOf(productId: string, args: ConnectionArguments, { loaders }: WebContext) {
  const limit = readFirst(args.first, defaultFirst, maxFirst);
  const cursor = readAfter(args.after);
  if (cursor !== undefined) return toConnection(await loaders.reviewPage(productId, { limit, cursor }), args);
  const found = await loaders.firstReviews(productId, limit);
  return found && toConnection({ ...found, items: found.reviews }, args);
}
