import Type from 'typebox';
import { textOf } from './columns.ts';
import { declareSource, publish } from './declare-events.ts';
import { shipmentTag } from './tags.ts';

const shipment = Type.Object(
  {
    orderNumber: Type.String({ minLength: 1 }),
    status: Type.String({ description: '`scheduled`, `shipped` or `cancelled`.' }),
  },
  { title: 'Shipment', description: 'The parcel of an order.' },
);

/** What shipping says in public. */
export const shippingEvents = declareSource('shipping', [
  publish({
    table: 'shipments',
    type: 'shipment-changed',
    thing: shipment,
    toThing: (row) => ({ orderNumber: textOf(row, 'order_number'), status: textOf(row, 'status') }),
    keyOf: ({ orderNumber }) => orderNumber,
    tags: (orderNumber) => [shipmentTag(orderNumber)],
  }),
]);
