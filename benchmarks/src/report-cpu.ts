/** Loaded before a measured program: tells its parent on `"cpu"` how much CPU time it has used, in microseconds, and its memory. */
import process from 'node:process';

process.on('message', (message) => {
  if (message !== 'cpu') return;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system, residentBytes: process.memoryUsage.rss() });
});
