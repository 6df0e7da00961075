/** What the attacks share: a board, a good bundle for it, and the program as it is shipped. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { FULL_ORDER } from '../../src/core/bundle/members.js';
import type { ErrorCode } from '../../src/core/errors.js';
import { formatBlocks, type BlockIndex } from '../../src/core/bundle/block-index.js';
import {
  indexOf,
  makeMembers,
  tarOf,
  withMember,
  type MakerOptions,
  type Member,
} from '../kit/bundle-maker.js';
import { BLOCK, makeBoard, OLD, type Board } from '../system/board.js';
import type { Run } from '../system/run.js';
import { scratch } from '../system/stock-bundle.js';
import { noise } from '../kit/noise.js';
import { rsaSigner, writeKeyStore } from '../kit/keys.js';

export const KERNEL = noise(2 * BLOCK + 100, 1);
export const ROFS = noise(3 * BLOCK, 2);
const IMAGES = { kernel: KERNEL, rofs: ROFS };
/** The other images that a bundle without an index must have. */
export const REST = { rwfs: noise(BLOCK, 3), 'u-boot': noise(BLOCK, 4) };

/** Members of a good bundle; proven, if nothing else is said. */
export const good = (options: Partial<MakerOptions> = {}): Member[] =>
  makeMembers({ images: IMAGES, kind: 'proven', blockSize: BLOCK, ...options });

export const tarball = (members: readonly Member[]): Buffer => tarOf(members).bytes;

export const member = (members: readonly Member[], name: string): Member => {
  const found = members.find((it) => it.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

/** A bundle whose BLOCKS says something else, signed by the right key: what a maker with bad intent, or none, sends. */
export function withIndex(change: (text: string, index: BlockIndex) => string): Member[] {
  const members = good();
  const images = Object.entries(IMAGES).map(([name, bytes]) => indexOf(`image-${name}`, bytes, BLOCK));
  const index = {
    machine: 'quanta-q71l',
    version: '2.19.0',
    securityVersion: null,
    images: new Map(images.map((image) => [image.member, image])),
  };
  const bytes = Buffer.from(change(Buffer.from(formatBlocks(index)).toString('latin1'), index), 'latin1');
  return withMember(withMember(members, 'BLOCKS', bytes), 'BLOCKS.sig', rsaSigner.sign(bytes));
}

/** A MANIFEST that says something else, signed by the right key. */
export function withManifest(members: readonly Member[], change: (text: string) => string): Member[] {
  const bytes = Buffer.from(
    change(Buffer.from(member(members, 'MANIFEST').bytes).toString('latin1')),
    'latin1',
  );
  const signed = withMember(withMember(members, 'MANIFEST', bytes), 'MANIFEST.sig', rsaSigner.sign(bytes));
  const full = FULL_ORDER.flatMap((name) => signed.find((it) => it.name === `${name}.sig`)?.bytes ?? []);
  return withMember(signed, 'image-full.sig', rsaSigner.sign(Buffer.concat(full)));
}

/** A board that trusts what the kit signs. */
export async function boardOf(t: Test): Promise<Board> {
  const board = await makeBoard(scratch(t));
  writeKeyStore(board.keys, 'Generated');
  return board;
}

/** An attack, and the codes that may come of it. */
export type Attack = readonly [what: string, bytes: Uint8Array, ...codes: ErrorCode[]];

/** Sends each attack to `sluice write -`: refused with one of its codes, and the chip as it was. */
export async function refuseAll(
  t: Test,
  board: Board,
  attacks: readonly Attack[],
  args: readonly string[] = [],
): Promise<void> {
  for (const [what, bytes, ...codes] of attacks) {
    const run = await board.write('-', ['--json', ...args], { input: bytes });
    refused(t, what, run, codes);
    t.ok(board.bytes().equals(OLD), `${what}: nothing was written`);
    board.reset();
  }
}

export function refused(t: Test, what: string, run: Run, codes: readonly ErrorCode[]): void {
  const { code = null, outcome = null } =
    run.stdout === '' ? {} : (run.json as { code?: string; outcome?: string });
  t.ok(codes.includes(code as ErrorCode), `${what}: ${code}, of ${codes.join(', ')} ${run.stderr}`);
  t.not(outcome, 'committed', `${what}: not committed`);
  t.ok(run.code !== 0 && run.code !== null, `${what}: exit ${run.code}`);
}

/** Where the state of a board is kept, for tests that start no service. */
export const stateOf = (board: Board): string => join(board.dir, 'state');
