/** What takes lines in the end, such as standard output. */
export interface LineSink {
  write(text: string): void;
  /** Writes what is still under way, before it returns. */
  flushSync(): void;
}

export interface LineBufferOptions {
  /** So much is written at once. */
  readonly maxLength: number;
  /** A line waits for others no longer than this. */
  readonly maxWaitMs: number;
}

/** Writes lines several at a time: a write costs more than making the line. */
export function createLineBuffer(sink: LineSink, { maxLength, maxWaitMs }: LineBufferOptions): LineSink {
  let lines = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== '') sink.write(lines);
    lines = '';
  };
  return {
    write: (line) => {
      lines += line;
      if (lines.length >= maxLength) flush();
      else timer ??= setTimeout(flush, maxWaitMs);
    },
    flushSync: () => {
      flush();
      sink.flushSync();
    },
  };
}
