import type { components, operations } from '@portico/contracts/generated/customers.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Database } from '@portico/runtime/database.ts';
import { forbidden, requireIdentity } from '@portico/runtime/identity.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import { Problem } from '@portico/runtime/problems.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { type Kysely, sql } from 'kysely';
import type { CustomersTables } from './database.ts';

type Customer = components['schemas']['Customer'];

/** What each operation of customers does. */
export function createCustomersHandlers(database: Database<CustomersTables>): OperationHandlers<operations> {
  const during = (context: RequestContext) => database.during(context);
  return {
    listCustomers: async ({ query: { ids }, context }) => {
      const items = await selectCustomers(during(context))
        .where('id', 'in', ids)
        .orderBy(sql`array_position(${ids}::text[], id)`)
        .execute();
      return { body: { items } };
    },

    getCustomer: async ({ path, context }) => ({ body: await findCustomer(during(context), path.id) }),

    renameCustomer: async ({ path, body, context }) => {
      const { subject, roles } = requireIdentity(context);
      if (subject !== path.id && !roles.includes('operator')) {
        throw forbidden('Only this customer and operators may change the name.');
      }
      return answerCommit(during(context), 'customers', async (trx) => {
        await trx
          .updateTable('customers')
          .set({ display_name: body.displayName })
          .where('id', '=', path.id)
          .where('display_name', '!=', body.displayName)
          .execute();
        return { body: await findCustomer(trx, path.id) };
      });
    },
  };
}

function selectCustomers(db: Kysely<CustomersTables>) {
  return db.selectFrom('customers').select(['id', 'display_name as displayName']);
}

async function findCustomer(db: Kysely<CustomersTables>, id: string): Promise<Customer> {
  const customer = await selectCustomers(db).where('id', '=', id).executeTakeFirst();
  if (customer === undefined) throw new Problem('not-found', `No customer has the id "${id}".`);
  return customer;
}
