// Copies the built addons to where the program and the library look for them.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of native-shims, each with a build.mjs. */
export const ADDONS = ['node-mtd', 'node-systemd'];

/** Copies the built addons, of every target, into `dist`. There may be none: the rest works without them. */
export function copyAddons(dist) {
  for (const name of ADDONS) copyAddon(name, dist);
}

function copyAddon(name, dist) {
  const built = `native-shims/${name}/build`;
  if (!existsSync(built)) return;
  for (const target of readdirSync(built)) {
    const addon = join(built, target, `${name}.node`);
    if (!existsSync(addon)) continue;
    const folder = join(dist, 'native', target);
    mkdirSync(folder, { recursive: true });
    // Replaced by rename: a running program may have the old addon mapped.
    const fresh = join(folder, `.${name}.${process.pid}`);
    copyFileSync(addon, fresh);
    renameSync(fresh, join(folder, `${name}.node`));
  }
}
