import { renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Gives a small file new content in one step, for its owner only; what cannot be finished leaves nothing behind.
 * @param options.flush - so that after a power cut, too, there is the old content or the new one
 * @throws system errors as they come
 */
export function writeWhole(path: string, text: string, { flush = false }: { flush?: boolean } = {}): void {
  // One name, so that what a crash has left goes with the next one.
  const fresh = `${path}.new`;
  try {
    rmSync(fresh, { force: true });
    writeFileSync(fresh, text, { mode: 0o600, flag: 'wx', flush });
    renameSync(fresh, path);
  } catch (thrown) {
    try {
      rmSync(fresh, { force: true });
    } catch {
      // What went wrong first says more; it goes with the next one.
    }
    throw thrown;
  }
}
