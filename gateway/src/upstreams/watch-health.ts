import type { UpstreamTable } from '../table/route-table.ts';

/** So many checks in a row have to fail before a target is left out; one that passes brings it back. */
const failuresBeforeUnhealthy = 2;

/**
 * Asks every target for its health path again and again, if the upstream has one.
 * @param found called whenever a target is found to be another than before
 * @returns ends the checks
 */
export function watchHealth(
  { targets, health }: UpstreamTable,
  found: (url: string, healthy: boolean) => void,
  ask: (url: string, timeoutMs: number) => Promise<boolean> = isHealthy,
): () => void {
  if (health === undefined) return () => {};
  const failures = new Map(targets.map((url) => [url, 0]));
  const check = async (url: string) => {
    const healthy = await ask(new URL(health.path, url).href, health.timeoutMs);
    const before = failures.get(url) ?? 0;
    const after = healthy ? 0 : before + 1;
    failures.set(url, after);
    if (after === failuresBeforeUnhealthy) found(url, false);
    if (healthy && before >= failuresBeforeUnhealthy) found(url, true);
  };
  const timer = setInterval(() => {
    for (const url of targets) void check(url);
  }, health.intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function isHealthy(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
