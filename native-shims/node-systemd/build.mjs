// Builds the addon of node-systemd; see ../build-addon.mjs. The errors for a failed system call are those of node-mtd.
import { buildAddon } from '../build-addon.mjs';

buildAddon(import.meta.dirname, ['native', '../node-mtd/napi/errors.c', '../node-mtd/kernel/result.c']);
