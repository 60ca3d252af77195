import type { components, operations } from '@portico/contracts/generated/customers.ts';
import { answerCommit } from '@portico/runtime/commit.ts';
import type { Database } from '@portico/runtime/database.ts';
import { forbidden, requireIdentity } from '@portico/runtime/identity.ts';
import type { OperationHandlers } from '@portico/runtime/openapi-types.ts';
import type { RequestContext } from '@portico/runtime/request-context.ts';
import { type Kysely, sql } from 'kysely';
import type { CustomersTables } from './database.ts';
import { forgetCustomer, pageOfForgotten, unknownCustomer } from './forget-customer.ts';

type Customer = components['schemas']['Customer'];

/** What each operation of customers does. */
export function createCustomersHandlers(
  database: Database<CustomersTables>,
  now: () => number,
): OperationHandlers<operations> {
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
      requireOwn(context, path.id, 'change the name');
      return answerCommit(during(context), 'customers', async (trx) => {
        await trx
          .updateTable('customers')
          .set({ display_name: body.displayName })
          .where('id', '=', path.id)
          .where('display_name', '!=', body.displayName)
          .where('forgotten_at', 'is', null)
          .execute();
        return { body: await findCustomer(trx, path.id) };
      });
    },

    forgetCustomer: async ({ path, context }) => {
      requireOwn(context, path.id, 'have the customer forgotten');
      return answerCommit(during(context), 'customers', async (trx) => ({
        body: await forgetCustomer(trx, path.id, new Date(now())),
      }));
    },

    listForgotten: async ({ query: { limit = 100, after = '' }, context }) => ({
      body: await pageOfForgotten(during(context), limit, after),
    }),
  };
}

/** @throws Problem `forbidden` for everybody but this customer and operators */
function requireOwn(context: RequestContext, id: string, what: string): void {
  const { subject, roles } = requireIdentity(context);
  if (subject === id || roles.includes('operator')) return;
  throw forbidden(`Only this customer and operators may ${what}.`);
}

function selectCustomers(db: Kysely<CustomersTables>) {
  return db
    .selectFrom('customers')
    .select(['id', 'display_name as displayName'])
    .where('forgotten_at', 'is', null);
}

async function findCustomer(db: Kysely<CustomersTables>, id: string): Promise<Customer> {
  const customer = await selectCustomers(db).where('id', '=', id).executeTakeFirst();
  if (customer === undefined) throw unknownCustomer(id);
  return customer;
}
