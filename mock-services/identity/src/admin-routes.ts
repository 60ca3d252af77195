import type { FaultSwitch } from '@portico/runtime/fault-switch.ts';
import { Router } from 'express';
import type { Identity } from './create-identity.ts';

/** What the demo offers on the admin port: `POST /rotate-keys`, `PUT` and `DELETE /users/<login>/disabled`, and the fault switch. */
export function createAdminRouter(identity: Identity, faults: FaultSwitch): Router {
  const router = Router();
  router.post('/rotate-keys', (_req, res) => {
    identity.rotateKeys();
    res.status(204).end();
  });
  router.put('/users/:login/disabled', async ({ params: { login } }, res) => {
    await identity.disable(login);
    res.status(204).end();
  });
  router.delete('/users/:login/disabled', ({ params: { login } }, res) => {
    identity.enable(login);
    res.status(204).end();
  });
  router.use(faults.adminRouter);
  return router;
}
