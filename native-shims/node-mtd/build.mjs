// Builds node-mtd's addon; see ../build-addon.mjs.
import { buildAddon } from '../build-addon.mjs';

buildAddon(import.meta.dirname);
