// npm run build:native [-- --target x64|arm64|armv7|armv6]: compiles the addons, and puts them into dist where that
// was built already.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ADDONS, copyAddons } from './native.mjs';

for (const name of ADDONS) {
  const args = [`native-shims/${name}/build.mjs`, ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
if (existsSync('dist')) copyAddons('dist');
