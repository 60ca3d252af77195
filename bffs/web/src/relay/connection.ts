import { refuseInput } from '../errors/refusals.ts';

/** One page of a list, as the services answer it. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** The place right after each item. */
  readonly cursors: readonly string[];
  /** Null when nothing follows. */
  readonly next: string | null;
}

export interface ConnectionArguments {
  readonly first?: number | null;
  readonly after?: string | null;
}

/** Relay's Cursor Connections, forward only. Cursors are those of the service. */
export function toConnection<Item>({ items, cursors, next }: ListPage<Item>, { after }: ConnectionArguments) {
  return {
    edges: items.map((node, index) => ({ node, cursor: cursors[index] })),
    pageInfo: {
      hasNextPage: next !== null,
      // A cursor is the place after an item, so there is at least that one.
      hasPreviousPage: after !== undefined && after !== null,
      startCursor: cursors[0] ?? null,
      endCursor: cursors.at(-1) ?? null,
    },
  };
}

/**
 * How many items were asked for.
 * @throws GraphQLError `BAD_USER_INPUT` outside of 1 to `maximum`.
 */
export function readFirst(first: number | null | undefined, fallback: number, maximum: number): number {
  const wanted = first ?? fallback;
  if (wanted >= 1 && wanted <= maximum) return wanted;
  throw refuseInput(`"first" must be from 1 to ${maximum}, got ${wanted}.`);
}

/**
 * The cursor to go on after, if there is one. What it means only the service knows.
 * @throws GraphQLError `BAD_USER_INPUT` for what can't be a cursor.
 */
export function readAfter(after: string | null | undefined): string | undefined {
  if (after === undefined || after === null) return undefined;
  if (after.length >= 1 && after.length <= 512 && after.isWellFormed()) return after;
  throw refuseInput('"after" must be a cursor that this list has given.');
}
