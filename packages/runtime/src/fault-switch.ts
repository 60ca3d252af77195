import { setTimeout as delay } from 'node:timers/promises';
import express, { type RequestHandler, Router } from 'express';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { contextOf } from './http-app.ts';
import { Problem } from './problems.ts';

const faultsSchema = Type.Object(
  {
    latencyMs: Type.Integer({ minimum: 0, maximum: 600_000, default: 0 }),
    errorRate: Type.Number({ minimum: 0, maximum: 1, default: 0 }),
    hang: Type.Boolean({ default: false }),
    reset: Type.Boolean({ default: false }),
  },
  { additionalProperties: false },
);
const faultsValidator = Compile(faultsSchema);
type Faults = Static<typeof faultsSchema>;
const noFaults: Faults = { latencyMs: 0, errorRate: 0, hang: false, reset: false };

/** Makes a service misbehave on demand. For demos and tests: `adminRouter` is mounted in demo mode only. */
export interface FaultSwitch {
  readonly middleware: RequestHandler;
  /** `GET`, `PUT` and `DELETE /faults`. */
  readonly adminRouter: Router;
}

/** @param random a number in [0, 1) that decides whether a request fails at the current error rate */
export function createFaultSwitch(random: () => number = Math.random): FaultSwitch {
  let faults = noFaults;

  const middleware: RequestHandler = async (req, res, next) => {
    if (faults.reset) {
      req.socket.resetAndDestroy();
      return;
    }
    if (faults.hang) return;
    if (faults.latencyMs > 0) await delay(faults.latencyMs, undefined, { signal: contextOf(res).signal });
    if (random() < faults.errorRate) throw new Problem('unavailable', 'This service was told to fail.');
    next();
  };

  const adminRouter = Router();
  const route = adminRouter.route('/faults');
  route.get((_req, res) => {
    res.json(faults);
  });
  route.put(express.json({ limit: '1kb' }), (req, res) => {
    const wanted = faultsValidator.Default(req.body ?? null);
    if (!faultsValidator.Check(wanted)) {
      throw new Problem(
        'invalid-request',
        'Expected JSON with latencyMs (0 to 600000), errorRate (0 to 1), hang and reset (true or false), each optional.',
      );
    }
    faults = wanted;
    res.json(faults);
  });
  route.delete((_req, res) => {
    faults = noFaults;
    res.json(faults);
  });
  return { middleware, adminRouter };
}
