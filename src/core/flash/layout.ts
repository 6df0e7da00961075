/**
 * Flash layouts: how a chip is divided into partitions. Those of OpenBMC are here as data; others come from files and
 * are checked.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { FlashDevice, Partition } from './device.js';
import { JsonChecker } from '../json-check.js';

/** A named range of a chip, in bytes. */
export interface LayoutPartition {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** A chip size and its partitions. */
export interface Layout {
  readonly name: string;
  /** Bytes of the whole chip. */
  readonly size: number;
  readonly partitions: readonly LayoutPartition[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** Bytes. Far above any BMC flash; keeps sums of offsets and sizes exact. */
export const MAX_CHIP_SIZE = 16 * 1024 * MIB;
/** More than any MTD table in the field. */
const MAX_PARTITIONS = 64;
const NAME_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const NAME_RULE = 'a name of a-z, 0-9, _ and -, beginning with a letter or digit';

/**
 * The known layouts, from arch/arm/boot/dts/aspeed/openbmc-flash-layout*.dtsi of Linux. `bmc` is the whole chip, as
 * the parent MTD device is labelled there.
 */
export const LAYOUTS: readonly Layout[] = [
  openbmc('quanta-q71l', 32 * MIB, [
    ['u-boot', 384 * KIB],
    ['u-boot-env', 128 * KIB],
    ['kernel', 4352 * KIB],
    ['rofs', 23808 * KIB],
    ['rwfs', 4 * MIB],
  ]),
  openbmc('openbmc-64', 64 * MIB, [
    ['u-boot', 896 * KIB],
    ['u-boot-env', 128 * KIB],
    ['kernel', 9 * MIB],
    ['rofs', 32 * MIB],
    ['rwfs', 22 * MIB],
  ]),
  openbmc('openbmc-128', 128 * MIB, [
    ['u-boot', 896 * KIB],
    ['u-boot-env', 128 * KIB],
    ['kernel', 9 * MIB],
    ['rofs', 86 * MIB],
    ['rwfs', 32 * MIB],
  ]),
];

/** Other names of the same layouts. */
const ALIASES: ReadonlyMap<string, string> = new Map([['openbmc-32', 'quanta-q71l']]);

/** The names that `findLayout` takes. */
export const LAYOUT_NAMES: readonly string[] = [...LAYOUTS.map(({ name }) => name), ...ALIASES.keys()];

function openbmc(name: string, size: number, parts: readonly (readonly [string, number])[]): Layout {
  const partitions: LayoutPartition[] = [{ name: 'bmc', offset: 0, size }];
  let offset = 0;
  for (const [part, length] of parts) {
    partitions.push({ name: part, offset, size: length });
    offset += length;
  }
  return { name, size, partitions };
}

/**
 * A layout by its name or alias.
 * @throws SluiceError ERR_USAGE_LAYOUT if there is none with that name
 */
export function findLayout(name: string): Layout {
  const wanted = ALIASES.get(name) ?? name;
  const layout = LAYOUTS.find((candidate) => candidate.name === wanted);
  if (layout === undefined) {
    throw new SluiceError(
      'ERR_USAGE_LAYOUT',
      `layout ${JSON.stringify(name.slice(0, 64))} is unknown; known layouts: ${LAYOUT_NAMES.join(', ')}`,
    );
  }
  return layout;
}

/** Reads a list of partitions and reports mistakes in each and between them to `strict`. */
export function readPartitions(
  strict: JsonChecker,
  value: unknown,
  place: string,
  size: number,
  eraseSize: number,
): LayoutPartition[] {
  const partitions = strict.list(value, place, MAX_PARTITIONS).map((item, index): LayoutPartition => {
    const at = `${place}[${index}]`;
    const fields = strict.fields(item, at, ['name', 'offset', 'size']);
    const partition = {
      name: strict.text(fields['name'], `${at}.name`, NAME_PATTERN, NAME_RULE),
      offset: strict.integer(fields['offset'], `${at}.offset`, 0, MAX_CHIP_SIZE),
      size: strict.integer(fields['size'], `${at}.size`, 1, MAX_CHIP_SIZE),
    };
    if (partition.offset % eraseSize !== 0 || partition.size % eraseSize !== 0) {
      strict.report(at, `does not start and end at erase blocks of ${eraseSize} bytes`);
    }
    if (partition.offset + partition.size > size) strict.report(at, `ends after the chip of ${size} bytes`);
    return partition;
  });
  if (partitions.length === 0) strict.report(place, 'must list at least one partition');
  checkNamesAndOverlaps(strict, partitions, place, size);
  return partitions;
}

/** Names must be unique, and only the partition of the whole chip can cover others. */
function checkNamesAndOverlaps(
  strict: JsonChecker,
  partitions: readonly LayoutPartition[],
  place: string,
  size: number,
): void {
  const names = new Set<string>();
  let whole = 0;
  const parts: LayoutPartition[] = [];
  for (const partition of partitions) {
    if (names.has(partition.name)) strict.report(place, `names ${JSON.stringify(partition.name)} twice`);
    names.add(partition.name);
    if (partition.offset === 0 && partition.size === size) whole++;
    else parts.push(partition);
  }
  if (whole > 1) strict.report(place, 'has the whole chip more than once');
  parts.sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < parts.length; i++) {
    const before = parts[i - 1] as LayoutPartition;
    const after = parts[i] as LayoutPartition;
    if (before.offset + before.size > after.offset) {
      strict.report(place, `lets ${before.name} and ${after.name} overlap`);
    }
  }
}

/**
 * A layout from parsed JSON, `{ name, size, partitions: [{ name, offset, size }] }`, in bytes.
 * @param eraseSize - bytes of an erase block of the chip
 * @throws SluiceError ERR_USAGE_LAYOUT with all mistakes
 */
export function parseLayout(value: unknown, eraseSize: number): Layout {
  const strict = new JsonChecker();
  const fields = strict.fields(value, 'layout', ['name', 'size', 'partitions']);
  const name = strict.text(fields['name'], 'layout.name', NAME_PATTERN, NAME_RULE);
  const size = strict.integer(fields['size'], 'layout.size', 1, MAX_CHIP_SIZE);
  if (size % eraseSize !== 0)
    strict.report('layout.size', `is not a multiple of the erase size, ${eraseSize} bytes`);
  const partitions = readPartitions(strict, fields['partitions'], 'layout.partitions', size, eraseSize);
  strict.finish('ERR_USAGE_LAYOUT', `layout${name === '' ? '' : ` ${name}`} is invalid`);
  return { name, size, partitions };
}

/**
 * The partitions of a device, in the order of their offsets; of two at the same offset the larger comes first.
 */
export function partitionsOf(
  layout: Pick<Layout, 'partitions'>,
  device: FlashDevice,
): ReadonlyMap<string, Partition> {
  const ordered = [...layout.partitions].sort((a, b) => a.offset - b.offset || b.size - a.size);
  return new Map(ordered.map(({ name, offset, size }) => [name, { name, device, offset, size }]));
}
