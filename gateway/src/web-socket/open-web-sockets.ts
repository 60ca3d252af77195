import type { ServerResponse } from 'node:http';

/** The WebSockets of a process, over all the tables of routes that it has had. */
export interface OpenWebSockets {
  /** Counts the WebSocket that `res` may become until its connection ends; false when there are `max`, or no more to be. */
  admit(res: ServerResponse, max: number): boolean;
  /** @param leave ends the WebSocket that `res` has become */
  opened(res: ServerResponse, leave: () => void): void;
  /** Ends all of them, and admits no further one. */
  leave(): void;
}

export function createOpenWebSockets(): OpenWebSockets {
  const places = new Map<ServerResponse, () => void>();
  let leaving = false;
  return {
    admit(res, max) {
      if (leaving || places.size >= max) return false;
      places.set(res, () => {});
      res.once('close', () => places.delete(res));
      return true;
    },
    opened(res, leave) {
      if (leaving) leave();
      else places.set(res, leave);
    },
    leave() {
      leaving = true;
      for (const leave of places.values()) leave();
    },
  };
}
