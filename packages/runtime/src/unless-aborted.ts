import { setMaxListeners } from 'node:events';

/**
 * Waits for work until the signal aborts, and leaves no listener on it. Work that goes on after that is heard no more.
 * @throws the signal's reason as soon as it aborts.
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    // A request may wait for any number of things at once, all on its signal: that is no leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
