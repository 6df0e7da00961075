// Builds node-systemd's addon; see ../build-addon.mjs. How an errno becomes an Error is node-mtd's.
import { join } from 'node:path';
import { buildAddon } from '../build-addon.mjs';

const { dirname } = import.meta;
buildAddon(dirname, [join(dirname, '../node-mtd/native/errors.c')]);
