import { runService } from '@portico/runtime/run-service.ts';
import { shippingSettings } from './config.ts';
import { createShipping } from './create-shipping.ts';
import { migrations } from './database.ts';
import { letShipmentsLeave } from './warehouse.ts';

await runService(
  {
    name: 'shipping',
    migrations,
    settings: shippingSettings,
    createApp: (parts, { SHIPMENT_LEAVES_AFTER_MS }) => createShipping(parts, SHIPMENT_LEAVES_AFTER_MS),
    beginWork: letShipmentsLeave,
  },
  process.env,
);
