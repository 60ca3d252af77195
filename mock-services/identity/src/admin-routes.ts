import type { FaultSwitch } from '@portico/runtime/fault-switch.ts';
import { Router } from 'express';
import type { Identity } from './create-identity.ts';

/** What the demo offers on the admin port: `POST /rotate-keys`, and the fault switch. */
export function createAdminRouter(identity: Identity, faults: FaultSwitch): Router {
  const router = Router();
  router.post('/rotate-keys', (_req, res) => {
    identity.rotateKeys();
    res.status(204).end();
  });
  router.use(faults.adminRouter);
  return router;
}
