/**
 * The description beside the file of a simulated chip (PATH.json): everything about the chip but its bytes.
 * ```json
 * { "sluice-sim": 1, "name": "bmc.bin",
 *   "geometry": { "type": "nor", "size": 33554432, "eraseSize": 65536, "writeSize": 1 },
 *   "layout": { "name": "quanta-q71l", "partitions": [{ "name": "bmc", "offset": 0, "size": 33554432 }] },
 *   "timing": { "model": "n25q256a", "scale": 0 },
 *   "bad": { "factory": [], "grown": [] }, "faults": [], "wear": "3 2*7 0*509",
 *   "totals": { "erases": 17, "programs": 17, "reads": 0, "bytesRead": 0, "bytesProgrammed": 0, "busyMs": 0 } }
 * ```
 * and, if a power cut or a failed operation left unstable bits and the block was not erased since,
 * ```json
 *   "torn": [{ "block": 7, "bits": [1029, 1201], "quiet": 3, "reads": 1, "seed": 2863311530 }]
 * ```
 * `bits` count from the start of the block (byte * 8 + bit). The first `quiet` reads of the block return what the
 * file holds. Later reads return 0 or 1, chosen by `seed` and the number of the read. `reads` counts reads so far.
 *
 * `scale` is real time for one unit of chip time, 0 for virtual time. `wear` lists the erases of each block in order;
 * `N*COUNT` stands for COUNT blocks with N erases each.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';
import { readPartitions, type LayoutPartition } from '../flash/layout.js';
import { JsonChecker } from '../json-check.js';
import { MAX_BLOCKS, readBlocks, readGeometry, type ChipState } from './chip-options.js';
import { checkFault, MAX_FAULTS, readFault } from './faults.js';
import type { ChipTotals } from './stats.js';
import { TIMING_NAMES } from './timing.js';
import { readTorn } from './torn-blocks.js';

/** Only this version is read. */
const VERSION = 1;
/** Limits what the JSON parser gets; the largest chip with a long fault plan needs far less. */
export const MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024;
/** A thousand times slower than silicon. */
export const MAX_SCALE = 1000;

/** Everything about a simulated chip except its bytes. */
export interface ChipDescription extends ChipState {
  readonly name: string;
  readonly geometry: Geometry;
  readonly layout: { readonly name: string; readonly partitions: readonly LayoutPartition[] };
  readonly timing: { readonly model: string; readonly scale: number };
  /** Sums over the whole life of the chip. */
  readonly totals: ChipTotals;
}

/** The JSON text of a description. */
export function formatDescription(description: ChipDescription): string {
  const { name, geometry, layout, timing, factoryBad, grownBad, faults, wear, torn, totals } = description;
  const json = {
    'sluice-sim': VERSION,
    name,
    geometry,
    layout,
    timing,
    bad: { factory: factoryBad, grown: grownBad },
    faults,
    wear: formatWear(wear),
    totals,
    ...(torn.length > 0 ? { torn } : {}),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/**
 * Reads a description.
 * @param place - name for messages, such as the path
 * @throws SluiceError ERR_USAGE_SIM with all mistakes
 */
export function parseDescription(text: string, place: string): ChipDescription {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SluiceError('ERR_USAGE_SIM', `${place} is not JSON`, { cause });
  }
  const strict = new JsonChecker();
  const fields = strict.fields(
    value,
    'description',
    ['sluice-sim', 'name', 'geometry', 'layout', 'timing', 'bad', 'faults', 'wear', 'totals'],
    ['torn'],
  );
  if (fields['sluice-sim'] !== undefined && fields['sluice-sim'] !== VERSION) {
    strict.report('sluice-sim', `must be ${VERSION}, the only known version`);
  }
  const geometry = readGeometry(strict, fields['geometry'], 'geometry');
  const layout = strict.fields(fields['layout'], 'layout', ['name', 'partitions']);
  const timing = strict.fields(fields['timing'], 'timing', ['model', 'scale']);
  const bad = strict.fields(fields['bad'], 'bad', ['factory', 'grown']);
  const description: ChipDescription = {
    name: strict.text(fields['name'], 'name', /^[^\x00-\x1f\x7f]{1,255}$/, 'a file name'),
    geometry,
    layout: {
      name: strict.text(layout['name'], 'layout.name', /^[a-z0-9][a-z0-9_-]{0,63}$/, 'a layout name'),
      partitions: readPartitions(
        strict,
        layout['partitions'],
        'layout.partitions',
        geometry.size,
        geometry.eraseSize,
      ),
    },
    timing: {
      model: strict.oneOf(timing['model'], 'timing.model', TIMING_NAMES as readonly [string, ...string[]]),
      scale: strict.number(timing['scale'], 'timing.scale', 0, MAX_SCALE),
    },
    factoryBad: readBlocks(strict, bad['factory'], 'bad.factory', geometry),
    grownBad: readBlocks(strict, bad['grown'], 'bad.grown', geometry),
    faults: strict.list(fields['faults'], 'faults', MAX_FAULTS).map((item, index) => {
      const fault = readFault(strict, item, `faults[${index}]`);
      checkFault(strict, fault, geometry, `faults[${index}]`);
      return fault;
    }),
    wear: readWear(strict, fields['wear'], blocksOf(geometry)),
    totals: readTotals(strict, fields['totals']),
    torn: readTorn(strict, fields['torn'] ?? [], 'torn', geometry),
  };
  strict.finish('ERR_USAGE_SIM', `${place} does not describe a simulated chip`);
  return description;
}

function readTotals(strict: JsonChecker, value: unknown): ChipTotals {
  const names = ['erases', 'programs', 'reads', 'bytesRead', 'bytesProgrammed', 'busyMs'] as const;
  const fields = strict.fields(value, 'totals', names);
  const sum = (name: (typeof names)[number]): number =>
    strict.integer(fields[name], `totals.${name}`, 0, Number.MAX_SAFE_INTEGER);
  return {
    erases: sum('erases'),
    programs: sum('programs'),
    reads: sum('reads'),
    bytesRead: sum('bytesRead'),
    bytesProgrammed: sum('bytesProgrammed'),
    busyMs: strict.number(fields['busyMs'], 'totals.busyMs', 0, Number.MAX_VALUE),
  };
}

function formatWear(wear: Uint32Array): string {
  const runs: string[] = [];
  for (let from = 0; from < wear.length;) {
    let to = from + 1;
    while (to < wear.length && wear[to] === wear[from]) to++;
    runs.push(to - from === 1 ? `${wear[from]}` : `${wear[from]}*${to - from}`);
    from = to;
  }
  return runs.join(' ');
}

/** Limited: a geometry with too many blocks was reported, but its reading goes on. */
const blocksOf = ({ size, eraseSize }: Geometry): number =>
  Math.min(MAX_BLOCKS, Math.floor(size / eraseSize));

function readWear(strict: JsonChecker, value: unknown, blocks: number): Uint32Array {
  const wear = new Uint32Array(blocks);
  const text = strict.text(
    value,
    'wear',
    /^[0-9]+(?:\*[0-9]+)?(?: [0-9]+(?:\*[0-9]+)?)*$/,
    'counts such as "2 0*511"',
  );
  let at = 0;
  for (const run of text === '' ? [] : text.split(' ')) {
    const [erases, count] = run.split('*').map(Number) as [number, number | undefined];
    const end = at + (count ?? 1);
    if (erases > 0xffffffff || end > blocks) break;
    wear.fill(erases, at, end);
    at = end;
  }
  if (text !== '' && at !== blocks)
    strict.report('wear', `must have a count for each of the ${blocks} blocks`);
  return wear;
}
