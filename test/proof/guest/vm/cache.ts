import { resolve } from 'node:path';

/** Where kernels and guests' disks are kept between runs: SLUICE_RIG, else rig-work/, which git ignores. */
export const cacheFolder = (): string => resolve(process.env['SLUICE_RIG'] ?? 'rig-work', 'x86');
