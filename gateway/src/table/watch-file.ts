import { readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Calls `changed` when the file's text is another than before, and on SIGHUP in any case.
 * @returns ends the watching
 */
export function watchFile(path: string, changed: () => void): () => void {
  let text = textOf(path);
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const now = textOf(path);
    if (now === text || now === undefined) return;
    text = now;
    changed();
  };
  // The folder, as many ways of replacing a file make another one of the same name. What is being written settles first.
  const watcher = watch(dirname(path), () => {
    clearTimeout(timer);
    timer = setTimeout(look, 100);
  });
  watcher.on('error', () => {});
  const onHangUp = () => {
    text = textOf(path);
    changed();
  };
  process.on('SIGHUP', onHangUp);
  return () => {
    clearTimeout(timer);
    watcher.close();
    process.off('SIGHUP', onHangUp);
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Between two versions of it there may be none; its return is another event.
    return undefined;
  }
}
