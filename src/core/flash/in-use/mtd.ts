import type { MtdFacts } from '../mtd-syscalls.js';
import { overlapping, type Overlap } from './mtd-overlap.js';
import { answer, sentence } from './sentence.js';
import { Snapshot } from './snapshot.js';
import type { DeviceNumbers, Subject } from './subject.js';
import { UnknownUseError, ProcSys, type Machine } from './system.js';

/** An MTD, and its character device. */
export type MtdNode = MtdFacts & DeviceNumbers;

/** MTD_BLOCK_MAJOR; file systems on MTD have it as their device too, without any block device (drivers/mtd/mtdsuper.c). */
const MTD_BLOCK_MAJOR = 31;

const WORDS: Record<Overlap, string> = {
  above: 'part of',
  below: 'covering',
  across: 'overlapped by',
  perhaps: 'perhaps overlapped by',
};

/**
 * Who uses an MTD, the MTD that it is a partition of, or one that lies in it: mounts, UBI, swap, loop devices,
 * processes that have it open for writing.
 * @param all - every MTD of the machine
 * @returns what goes after `is` in a message, null when nothing is known to use it
 */
export function usersOfMtd(entry: MtdNode, all: readonly MtdNode[], machine: Machine): string | null {
  return answer(() => {
    const system = new ProcSys(machine);
    const snapshot = new Snapshot(system);
    const attached = attachments(system);
    const uses = snapshot.usesOf(subjectOf(entry, attached));
    for (const { entry: other, how } of overlapping(entry, all)) {
      const subject = subjectOf(other, attached);
      const theirs = snapshot.usesOf(subject);
      if (theirs.length > 0) uses.push(`${WORDS[how]} ${subject.label}, which is ${sentence(theirs)}`);
    }
    return uses;
  });
}

function subjectOf({ index, name, major, minor }: MtdNode, attached: ReadonlyMap<number, string>): Subject {
  const ubi = attached.get(index);
  return {
    label: `mtd${index} ${JSON.stringify(name)}`,
    nodes: [
      { kind: 'char', id: `${major}:${minor}` },
      { kind: 'block', id: `${MTD_BLOCK_MAJOR}:${index}` },
    ],
    names: [`mtd${index}`, `mtdblock${index}`],
    // `mtd:NAME` takes the first of that name; which one that is was decided at the mount.
    sources: [`mtd${index}`, `mtd:${name}`, `mtdblock${index}`],
    block: `mtdblock${index}`,
    own: ubi === undefined ? [] : [`attached to UBI as ${ubi}`],
  };
}

/** UBI devices by the MTD that they are attached to. */
function attachments(system: ProcSys): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of system.list('sys', 'class', 'ubi') ?? []) {
    if (!/^ubi\d+$/.test(name)) continue;
    const text = system.attribute('class', 'ubi', name, 'mtd_num');
    if (text === null || !/^\d{1,9}$/.test(text)) {
      throw new UnknownUseError(
        `${system.path('sys', 'class', 'ubi', name, 'mtd_num')} does not name an MTD`,
      );
    }
    found.set(Number(text), name);
  }
  return found;
}
