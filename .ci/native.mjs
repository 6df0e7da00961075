// The addons: where builds of them lie, and where the program and the library look for them.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of native-shims, each with a build.mjs. */
export const ADDONS = ['node-mtd', 'node-systemd'];

/** Puts what is built, for whatever machines, into `dist`. Nothing may be: the rest works without it. */
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
    // Whole in one step: a program that runs may have the old one mapped.
    const fresh = join(folder, `.${name}.${process.pid}`);
    copyFileSync(addon, fresh);
    renameSync(fresh, join(folder, `${name}.node`));
  }
}
