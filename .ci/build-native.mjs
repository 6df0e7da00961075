// npm run build:native [-- --target x64|arm64|armv7|armv6]: compiles the addons, and copies them into dist if that
// exists. With --if-can a failure is only printed: `npm test` skips the tests that need an addon.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ADDONS, copyAddons } from './native.mjs';

const IF_CAN = '--if-can';
const words = process.argv.slice(2);

for (const name of ADDONS) {
  const args = [`native-shims/${name}/build.mjs`, ...words.filter((word) => word !== IF_CAN)];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(words.includes(IF_CAN) ? 0 : (status ?? 1));
}
if (existsSync('dist')) copyAddons('dist');
