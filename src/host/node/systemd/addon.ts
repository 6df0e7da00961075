import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { targets } from 'node-mtd/target';

/** Sends one datagram to a unix socket; see native-shims/node-systemd. */
export type Send = (path: string, text: string) => void;

/** Relative to this file: beside the bundle (dist/bin), and the output of `npm run build:native`. */
const FOLDERS = ['../native', '../../../../native-shims/node-systemd/build'];

/** The function of the addon; null if it is not built for this machine. */
export function loadSend(): Send | null {
  if (process.platform !== 'linux') return null;
  const require = createRequire(import.meta.url);
  const { arm_version: version } = process.config.variables as { arm_version?: unknown };
  for (const name of targets(process.arch, version)) {
    for (const folder of FOLDERS) {
      const path = fileURLToPath(new URL(`${folder}/${name}/node-systemd.node`, import.meta.url));
      if (!existsSync(path)) continue;
      try {
        const { send } = require(path) as { send?: unknown };
        if (typeof send === 'function') return send as Send;
      } catch {
        // Built for another C library; tries the next one.
      }
    }
  }
  return null;
}
