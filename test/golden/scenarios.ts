/** The scenarios: a chip, and the steps that are done to it in order. */
import type { ChipName } from './chips.js';
import type { SourceName } from './sources.js';

/**
 * How the source reaches the program.
 * - `file`, `pipe`, `url`: `sluice write PATH`, `-` or `http://...`; `verify` and `verify-pipe` likewise
 * - `put`, `check`: PUT to /v1/update and /v1/check of a service, which the first such step starts
 * - `checked`: PUT to /v1/update with the id of the last check
 * - `resumed`: PUT to /v1/update, cut halfway, then PATCH with the rest
 * - `redfish`: POST to the push URI of the Redfish UpdateService
 * - `push`: `sluice push` to the service
 */
export type Way =
  | 'file'
  | 'pipe'
  | 'url'
  | 'verify'
  | 'verify-pipe'
  | 'put'
  | 'check'
  | 'checked'
  | 'resumed'
  | 'redfish'
  | 'push';

export interface Step {
  readonly way: Way;
  readonly source: SourceName;
  /**
   * Arguments of the program; `{NAME}` is the path of that source, `{state}` the state folder of the scenario.
   * For a service: queries such as `only=kernel`.
   */
  readonly args: readonly string[];
  /** Faults to plan before this step, as `sluice sim fault` takes them. */
  readonly faults?: string;
  /** Another process has the flash open for writing during this step. */
  readonly held?: boolean;
  /** The request carries the token of the service. @default true */
  readonly token?: boolean;
}

export interface Scenario {
  /** Also the name of its record. */
  readonly name: string;
  readonly chip: ChipName;
  readonly steps: readonly Step[];
}

const by =
  (way: Way) =>
  (source: SourceName, ...args: string[]): Step => ({ way, source, args });
const [file, pipe, url, verify, verifyPipe] = [
  by('file'),
  by('pipe'),
  by('url'),
  by('verify'),
  by('verify-pipe'),
];
const [put, check, checked, resumed] = [by('put'), by('check'), by('checked'), by('resumed')];
const [redfish, push] = [by('redfish'), by('push')];

const faulty = (faults: string, step: Step): Step => ({ ...step, faults });
const held = (step: Step): Step => ({ ...step, held: true });
const on =
  (chip: ChipName) =>
  (name: string, ...steps: Step[]): Scenario => ({ name: `${chip}-${name}`, chip, steps });
const [nor, noisy, blank, timed] = [on('nor'), on('nor-noise'), on('nor-blank'), on('nor-timed')];
const [nand, short, image] = [on('nand'), on('nand-short'), on('file')];

const BEFORE_COMMIT = ['--trust', 'before-commit'];
const UNSIGNED = ['--trust', 'unsigned'];
const KERNEL = ['--partition', 'kernel'];
// A bare image names its machine only in its index.
const SIG = [...KERNEL, '--sig', '{kernel.sig}', '--machine', 'any'];
const INDEX = [...KERNEL, '--blocks', '{kernel.blocks}', '--blocks-sig', '{kernel.blocks.sig}'];
const ROFS = ['--partition', 'rofs', ...SIG.slice(2)];
const ONLY_ROFS = ['--only', 'rofs'];

export const SCENARIOS: readonly Scenario[] = [
  // Bundles that are committed.
  nor('proven', file('proven'), file('proven')),
  nor('proven-pipe', pipe('proven')),
  nor('stock', file('stock')),
  nor('stock-pipe', pipe('stock'), pipe('stock', ...BEFORE_COMMIT)),
  nor('signatures-first-pipe', pipe('signatures-first'), pipe('signatures-first', ...BEFORE_COMMIT)),
  nor('gzip', file('proven.gz'), pipe('stock.gz', ...BEFORE_COMMIT)),
  nor('url', url('stock'), url('proven')),
  nor('older-then-newer', file('older'), file('stock')),
  nor('only', file('proven', '--only', 'kernel,rwfs'), file('proven', '--only', 'kernle')),
  noisy('ed25519', file('ed25519')),
  noisy('finer-index', pipe('finer-index', '--only', 'rofs')),
  noisy('two-keys', file('two-keys')),
  blank('proven', pipe('proven')),

  // A bare image.
  nor('image-signature', file('kernel', ...SIG), file('other-kernel', ...SIG)),
  noisy(
    'image-signature-pipe',
    pipe('other-kernel', ...SIG, ...BEFORE_COMMIT),
    pipe('kernel', ...SIG, ...BEFORE_COMMIT),
  ),
  noisy('image-index-pipe', pipe('kernel', ...INDEX), pipe('other-kernel', ...INDEX)),
  nor('image-unsigned', pipe('other-kernel', ...KERNEL), pipe('other-kernel', ...KERNEL, ...UNSIGNED)),

  // The whole chip as one image.
  nor('whole-chip', file('bmc')),
  nor('whole-chip-cut', pipe('bmc-proven', '--only', 'kernel,rofs')),

  // Refused.
  nor('truncated', file('truncated'), pipe('truncated'), pipe('proven')),
  nor('stock-truncated-pipe', pipe('stock-truncated', ...BEFORE_COMMIT)),
  nor('trailing-pipe', pipe('trailing')),
  noisy('flipped', pipe('flipped'), file('proven')),
  nor('stock-flipped', file('stock-flipped'), pipe('stock-flipped', ...BEFORE_COMMIT), file('stock')),
  nor('index-flipped', file('index-flipped')),
  nor('other-machine', file('other-machine')),
  nor('rollback', file('proven', '--min-version', '2.21.0'), file('proven', '--min-security-version', '1')),
  nor('foreign-key', file('foreign')),
  nor('without-signatures', file('unsigned'), file('without-signature'), file('unsigned', ...UNSIGNED)),
  nor('odd-members', file('manifest-edited'), file('unknown-member'), pipe('duplicate')),
  nor('too-big', file('too-big'), pipe('no-partition')),

  // Faults of the flash.
  nor('erase-fails-once', faulty('fail:erase:2', file('proven'))),
  nor('erase-fails', faulty('weak:12:erase', file('proven')), file('proven')),
  nor('program-fails', faulty('fail:program:2,weak:23:program', pipe('proven'))),
  nor('stuck-bit', faulty('stuck:589901:255:0', pipe('stock', ...BEFORE_COMMIT))),
  nor('read-fails', faulty('fail:read:3:ever', file('proven'))),
  nor('cut-in-erase', faulty('cut:torn:erase:3', file('proven')), file('proven')),
  nor('cut-in-program', faulty('cut:torn:program:2:7', pipe('proven')), pipe('proven')),
  nor('cut-at-gate', faulty('cut:torn:erase:4', file('proven')), file('older'), file('proven')),
  nor(
    'cut-before-commit',
    faulty('cut:ending:erase:2', pipe('stock', ...BEFORE_COMMIT)),
    faulty('cut:after:program:3', pipe('stock', ...BEFORE_COMMIT)),
    pipe('stock', ...BEFORE_COMMIT),
  ),
  nor(
    'cut-without-journal',
    faulty('cut:begun:erase:3', file('proven', '--state', 'none')),
    file('proven', '--state', 'none'),
  ),
  nor(
    'cut-with-state-folder',
    faulty('cut:torn:erase:3', file('proven', '--state', '{state}')),
    file('proven', '--state', '{state}'),
  ),
  noisy(
    'resume-limit',
    faulty('cut:before:erase:1', file('proven', '--only', 'kernel')),
    file('proven', '--only', 'kernel', '--resume-limit', '1'),
  ),

  // NAND: bad blocks from the factory, and new ones.
  nand('proven', file('proven'), file('older')),
  nand('stock-pipe', pipe('stock', ...BEFORE_COMMIT)),
  nand('block-goes-bad', faulty('weak:11:program', file('proven'))),
  nand('gate-goes-bad', faulty('weak:8:erase', pipe('stock', ...BEFORE_COMMIT))),
  nand('bit-flips', file('proven'), faulty('flip:260:2,flip:520:9:3', file('older'))),
  nand('cut', faulty('cut:torn:program:8', file('proven')), file('proven')),
  nand('too-many-go-bad', faulty('weak:28,weak:29,weak:30', file('proven'))),
  nand('whole-chip-cut', file('bmc-proven', '--only', 'u-boot,rwfs'), pipe('bmc', ...BEFORE_COMMIT)),
  short('proven', file('proven')),

  // An image file as a block device.
  image('proven', file('proven', ...ONLY_ROFS), file('proven', ...ONLY_ROFS), file('proven')),
  image(
    'bare-image-pipe',
    pipe('kernel', ...ROFS, ...BEFORE_COMMIT),
    pipe('other-kernel', ...ROFS, ...UNSIGNED),
  ),
  image(
    'in-use',
    held(file('proven', ...ONLY_ROFS)),
    held(file('proven', ...ONLY_ROFS, '--force-mounted', 'rofs')),
  ),

  // Proven, and nothing written.
  timed('verify', verify('proven'), verifyPipe('stock', '--only', 'kernel,rofs'), verify('stock-flipped')),
  nand('verify', verify('stock.gz'), verify('unsigned', ...UNSIGNED), verifyPipe('kernel', ...SIG)),

  // By the service.
  nor('service-put', put('proven'), put('older', 'only=rofs')),
  nor('service-stock', put('stock'), put('stock', 'trust=before-commit'), put('unsigned', 'trust=unsigned')),
  nor('service-check', check('stock'), checked('older'), checked('stock'), check('flipped')),
  nor('service-refused', put('flipped'), put('truncated'), put('other-machine'), put('proven', 'only=nvram')),
  nor('service-token', { ...put('proven'), token: false }, put('proven', 'check=0123456789abcdef')),
  nor('service-push', push('stock'), push('proven.gz'), push('foreign')),
  nor('service-resumed', resumed('proven')),
  nor('service-redfish', redfish('proven'), redfish('stock')),
  nand(
    'service-faults',
    faulty('weak:11:program', put('proven')),
    faulty('cut:torn:erase:2', put('older')),
    put('older'),
  ),
];
