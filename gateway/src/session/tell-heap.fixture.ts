/** Loaded before a program: tells whoever started it how much of its heap is in use after a collection, in bytes. */
process.on('message', (message) => {
  if (message !== 'heap') return;
  globalThis.gc?.();
  process.send?.({ heap: process.memoryUsage().heapUsed });
});
// A program goes on, and ends, as it would without us.
process.channel?.unref();
