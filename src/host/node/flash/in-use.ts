/**
 * Who uses flash on this machine: what is mounted, attached, swapped to or open for writing must not be written under
 * its user. Linux only; read from /proc and /sys, so only what this process may see is seen. What cannot be read or
 * understood there is reported as a use, never as none.
 *
 * @packageDocumentation
 */
import * as block from '../../../core/flash/in-use/block.js';
import * as mtd from '../../../core/flash/in-use/mtd.js';
import type { SystemRoots } from '../../../core/flash/in-use/system.js';
import * as ubi from '../../../core/flash/in-use/ubi.js';
import { nodeFiles } from '../fs/node-files.js';

type Roots = Partial<SystemRoots>;

export type { MtdNode } from '../../../core/flash/in-use/mtd.js';
export type { SystemRoots } from '../../../core/flash/in-use/system.js';
export type { UbiNode } from '../../../core/flash/in-use/ubi.js';

const machine = (roots?: Roots): { files: typeof nodeFiles; roots: Roots | undefined } => ({
  files: nodeFiles,
  roots,
});

/** See core/flash/in-use/mtd.ts. */
export const usersOfMtd = (entry: mtd.MtdNode, all: readonly mtd.MtdNode[], roots?: Roots): string | null =>
  mtd.usersOfMtd(entry, all, machine(roots));

/** See core/flash/in-use/ubi.ts. */
export const usersOfUbi = (entry: ubi.UbiNode, all: readonly ubi.UbiNode[], roots?: Roots): string | null =>
  ubi.usersOfUbi(entry, all, machine(roots));

/** See core/flash/in-use/block.ts. */
export const usersOfBlock = (id: string, roots?: Roots): string | null =>
  block.usersOfBlock(id, machine(roots));

/** See core/flash/in-use/block.ts. */
export const usersOfFile = (path: string, roots?: Roots): string | null =>
  block.usersOfFile(path, machine(roots));

/** See core/flash/in-use/block.ts. */
export const partitionLabel = (id: string, roots?: Roots): string | null =>
  block.partitionLabel(id, machine(roots));
