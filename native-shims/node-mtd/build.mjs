// Builds the addon of node-mtd; see ../build-addon.mjs.
import { buildAddon } from '../build-addon.mjs';

buildAddon(import.meta.dirname, ['kernel', 'napi']);
