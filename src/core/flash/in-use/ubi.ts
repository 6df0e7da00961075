import { baseName } from '../../paths.js';
import type { UbiFacts } from '../mtd-syscalls.js';
import type { Mount } from './mounts.js';
import { answer } from './sentence.js';
import { Snapshot } from './snapshot.js';
import type { DeviceNumbers, Subject } from './subject.js';
import { ProcSys, type Machine } from './system.js';

/** A UBI volume, and its character device. */
export type UbiNode = UbiFacts & DeviceNumbers;

/**
 * Who uses a UBI volume: UBIFS mounts, its block device, processes that have it open for writing. That the MTD
 * under it is attached to UBI is as it should be.
 * @param all - every UBI volume of the machine
 * @returns what goes after `is` in a message, null when nothing is known to use it
 */
export function usersOfUbi(entry: UbiNode, all: readonly UbiNode[], machine: Machine): string | null {
  return answer(() => {
    const system = new ProcSys(machine);
    const snapshot = new Snapshot(system);
    const subject = subjectOf(entry, system);
    return [
      ...ubifsMounts(entry, all, snapshot.mounts, system),
      ...snapshot.usesOf({ ...subject, own: subject.block === null ? [] : [`exported as ${subject.block}`] }),
    ];
  });
}

function subjectOf({ ubi, volume, name, major, minor }: UbiNode, system: ProcSys): Subject {
  const block = `ubiblock${ubi}_${volume}`;
  const id = system.attribute('class', 'block', block, 'dev');
  return {
    label: `ubi${ubi}_${volume} ${JSON.stringify(name)}`,
    nodes: [
      { kind: 'char', id: `${major}:${minor}` },
      ...(id === null ? [] : [{ kind: 'block', id } as const]),
    ],
    names: [`ubi${ubi}_${volume}`, block],
    sources: [],
    block: id === null ? null : block,
    own: [],
  };
}

/**
 * UBIFS has an anonymous device, so its mounts are known by their source only (fs/ubifs/super.c, open_ubi). One
 * whose source leads to no volume that is there counts for all of them: the volume may have been renamed since.
 */
function ubifsMounts(
  entry: UbiNode,
  all: readonly UbiNode[],
  mounts: readonly Mount[],
  system: ProcSys,
): string[] {
  return mounts.flatMap(({ type, source, point }) => {
    if (type !== 'ubifs') return [];
    const volume = all.find((candidate) => isMountedFrom(candidate, source, system));
    if (volume === undefined) return [`perhaps mounted at ${point}, from ${source}`];
    return volume.ubi === entry.ubi && volume.volume === entry.volume ? [`mounted at ${point}`] : [];
  });
}

function isMountedFrom(
  { ubi, volume, name, major, minor }: UbiNode,
  source: string,
  system: ProcSys,
): boolean {
  if (source.startsWith('/')) {
    const node = system.node(source);
    if (node?.kind === 'char') return node.id === `${major}:${minor}`;
    return source.startsWith('/dev/') && baseName(source) === `ubi${ubi}_${volume}`;
  }
  const forms = [`ubi${ubi}_${volume}`, `ubi${ubi}:${name}`, `ubi${ubi}!${name}`];
  // Without a number of its own, the device is ubi0.
  if (ubi === 0) forms.push(`ubi${volume}`, `ubi:${name}`, `ubi!${name}`);
  return forms.includes(source);
}
