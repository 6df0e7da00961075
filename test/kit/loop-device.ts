/** Loop devices for tests, where this machine lets us have them. */
import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const quiet: ExecFileSyncOptionsWithStringEncoding = { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' };

export interface LoopDevice {
  /** `/dev/loopN`. */
  readonly path: string;
  /** A folder of its own, gone after `free`. */
  readonly dir: string;
  free(): void;
}

/** A loop device over a fresh file of `size` bytes. */
export function loopDevice(size: number, ...options: readonly string[]): LoopDevice {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-loop-'));
  const file = join(dir, 'disk.img');
  writeFileSync(file, '');
  truncateSync(file, size);
  let path: string;
  try {
    path = execFileSync('losetup', ['--find', '--show', ...options, file], quiet).trim();
  } catch (thrown) {
    rmSync(dir, { recursive: true });
    throw thrown;
  }
  return {
    path,
    dir,
    free: () => {
      execFileSync('losetup', ['--detach', path], quiet);
      rmSync(dir, { recursive: true });
    },
  };
}

/** Why there can be no loop devices here; null when there can. */
export function noLoopDevices(): string | null {
  if (process.getuid?.() !== 0) return 'loop devices need root';
  try {
    loopDevice(65_536).free();
    return null;
  } catch (thrown) {
    return `losetup does not work here: ${String((thrown as { stderr?: unknown }).stderr ?? thrown).trim()}`;
  }
}
