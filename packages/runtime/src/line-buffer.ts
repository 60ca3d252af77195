/** Takes bytes and says how many of them it took: fewer, or none, when it can't take more now. */
export type TakeBytes = (bytes: Uint8Array) => number;

export interface LineBuffer {
  /** Never waits. A line is dropped when there is no room because nobody takes the others. */
  write(line: string): void;
  /** Offers everything at once; true when nothing is left. */
  flush(): boolean;
}

export interface LineBufferOptions {
  /** So much is offered at once. */
  readonly batchBytes: number;
  /** What may wait in all. */
  readonly capacityBytes: number;
  /** A line waits for others no longer than this, and for a second attempt as long again. */
  readonly maxWaitMs: number;
}

/** No character takes more bytes in UTF-8 than this, for each unit of its length. */
const maxBytesPerUnit = 3;

/**
 * Passes lines on several at a time: a write costs more than making the line. They wait as bytes; as text, joined from
 * its many parts, they would be moved by every collection of garbage.
 */
export function createLineBuffer(take: TakeBytes, options: LineBufferOptions): LineBuffer {
  const { batchBytes, capacityBytes, maxWaitMs } = options;
  const waiting = Buffer.alloc(capacityBytes);
  let used = 0;
  let stalled = false;
  let timer: NodeJS.Timeout | undefined;

  const flush = (): boolean => {
    clearTimeout(timer);
    timer = undefined;
    if (used === 0) return true;
    const taken = take(waiting.subarray(0, used));
    waiting.copyWithin(0, taken, used);
    used -= taken;
    stalled = used > 0;
    if (stalled) timer = setTimeout(flush, maxWaitMs);
    return !stalled;
  };
  return {
    write: (line) => {
      if (line.length * maxBytesPerUnit > capacityBytes - used) return;
      used += waiting.write(line, used);
      if (used >= batchBytes && !stalled) flush();
      else timer ??= setTimeout(flush, maxWaitMs);
    },
    flush,
  };
}
