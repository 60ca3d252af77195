import { type RawBuilder, type SqlBool, sql } from 'kysely';

/** The words of products are English; its stop words are not looked for. The trigger of the table names the same. */
const language = sql.lit('english');

/** What people write to search engines; PostgreSQL finds a meaning in any text. */
const queryOf = (q: string) => sql`websearch_to_tsquery(${language}, ${q})`;

/** The condition that a product matches. */
export function isFound(q: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`products.search @@ ${queryOf(q)}`;
}

/** How well a product matches, as a whole number: the name counts more than the description, and other products don't count. */
export function matchOf(q: string): RawBuilder<unknown> {
  return sql`(ts_rank(products.search, ${queryOf(q)}) * 1000000)::integer`;
}
