import type { Response } from 'express';
import { contextOf } from './http-app.ts';
import { Problem } from './problems.ts';

export interface StreamLimits {
  /** How many streams may be open at a time. */
  readonly maxOpen: number;
  /** How many of them may be one client's: a user, or the address of a visitor. */
  readonly maxOfClient: number;
}

const again = { headers: { 'Retry-After': '5' } };

/** The streams that are open, by whose they are. */
export function createStreamPlaces({ maxOpen, maxOfClient }: StreamLimits) {
  const ofClients = new Map<string, number>();
  let open = 0;
  return {
    open: () => open,
    /**
     * Takes a place for an answer. @returns gives it back
     * @throws Problem `too-many-requests` where the client has enough, `unavailable` where all are taken
     */
    take: (res: Response): (() => void) => {
      const client = clientOf(res);
      const own = ofClients.get(client) ?? 0;
      if (own >= maxOfClient)
        throw new Problem('too-many-requests', `You have ${own} streams open: close one first.`, again);
      if (open >= maxOpen)
        throw new Problem('unavailable', 'No more streams can be opened here at the moment.', again);
      open += 1;
      ofClients.set(client, own + 1);
      return () => {
        open -= 1;
        const left = (ofClients.get(client) ?? 1) - 1;
        if (left === 0) ofClients.delete(client);
        else ofClients.set(client, left);
      };
    },
  };
}

/** A user from everywhere is one client. The address is that which the gateway has set, as no other can. */
function clientOf(res: Response): string {
  const { identity } = contextOf(res);
  if (identity !== undefined) return `user ${identity.subject}`;
  return `address ${res.req.get('X-Forwarded-For') ?? res.req.socket.remoteAddress}`;
}
