// npm run build:native [-- --target x64|arm64|armv7|armv6]: compiles node-mtd's addon, and puts it into dist where
// that was built already.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyAddons } from './native.mjs';

const args = ['native-shims/node-mtd/build.mjs', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (status === 0 && existsSync('dist')) copyAddons('dist');
process.exitCode = status ?? 1;
