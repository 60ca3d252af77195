import Type from 'typebox';

/** What shipping can be told, beside the settings of every service. */
export const shippingSettings = Type.Object({
  /** How long after it was scheduled a shipment leaves. */
  SHIPMENT_LEAVES_AFTER_MS: Type.Integer({ minimum: 0, maximum: 604_800_000, default: 60_000 }),
});
