// Where builds of node-mtd's addon lie, and where the program and the library look for them.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const BUILT = 'native-shims/node-mtd/build';

/** Puts what is built, for whatever machines, into `dist`. Nothing may be: the rest works without it. */
export function copyAddons(dist) {
  if (!existsSync(BUILT)) return;
  for (const target of readdirSync(BUILT)) {
    const addon = join(BUILT, target, 'node-mtd.node');
    if (!existsSync(addon)) continue;
    const folder = join(dist, 'native', target);
    mkdirSync(folder, { recursive: true });
    // Whole in one step: a program that runs may have the old one mapped.
    const fresh = join(folder, `.node-mtd.${process.pid}`);
    copyFileSync(addon, fresh);
    renameSync(fresh, join(folder, 'node-mtd.node'));
  }
}
