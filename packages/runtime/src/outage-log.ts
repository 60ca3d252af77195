import type { Logger } from './log.ts';

/** Says once that something stopped working and once that it works again, however often it is noticed. */
export interface OutageLog {
  down(reason: string): void;
  up(): void;
  isDown(): boolean;
}

export function createOutageLog(
  log: Logger,
  messages: { readonly down: string; readonly up: string },
): OutageLog {
  let isDown = false;
  return {
    isDown: () => isDown,
    down: (reason) => {
      if (isDown) return;
      isDown = true;
      log.warn({ reason }, messages.down);
    },
    up: () => {
      if (!isDown) return;
      isDown = false;
      log.info(messages.up);
    },
  };
}
