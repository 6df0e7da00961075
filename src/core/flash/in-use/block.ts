import { baseName, folderOf, joinPath } from '../../paths.js';
import { deviceAt, type DeviceNode } from '../../system-files.js';
import { answer, sentence } from './sentence.js';
import { Snapshot } from './snapshot.js';
import type { Subject } from './subject.js';
import { UnknownUseError, ProcSys, type Machine } from './system.js';

/**
 * Who uses a block device, the disk that it is a partition of, or its own partitions: mounts, swap, device mapper
 * and md, loop devices, Btrfs, processes that have it open for writing.
 * @param id - `major:minor`
 * @returns what goes after `is` in a message, null when nothing is known to use it
 */
export function usersOfBlock(id: string, machine: Machine): string | null {
  return answer(() => {
    const system = new ProcSys(machine);
    const snapshot = new Snapshot(system);
    const folder = sysfsFolder(id, system);
    const self = subjectOf(folder, system);
    const uses = snapshot.usesOf(self);
    const others = partitionsOf(folder, system).map((child) => ({ folder: child, word: 'covering' }));
    if (isPartition(folder, system)) others.push({ folder: folderOf(folder), word: 'part of' });
    uses.push(...usesBelow(baseName(folder), snapshot, system));
    for (const { folder: other, word } of others) {
      const subject = subjectOf(other, system);
      const theirs = snapshot.usesOf(subject);
      if (word === 'part of') theirs.push(...usesBelow(baseName(other), snapshot, system));
      if (theirs.length > 0) uses.push(`${word} ${subject.label}, which is ${sentence(theirs)}`);
    }
    return uses;
  });
}

/**
 * Who uses a regular file as a device: loop devices, swap, processes that have it open for writing.
 * @returns what goes after `is` in a message, null when nothing is known to use it
 */
export function usersOfFile(path: string, machine: Machine): string | null {
  return answer(() => {
    const system = new ProcSys(machine);
    const node = deviceAt(machine.files, path);
    if (node === null) throw new UnknownUseError(`${path} is not there`);
    return new Snapshot(system).usesOf(fileSubject(path, node));
  });
}

/** How what is under a loop device is used by others: another loop device on the same file, a mounted device below. */
function usesBelow(name: string, snapshot: Snapshot, system: ProcSys): string[] {
  const loop = snapshot.under(name);
  if (loop === undefined) return [];
  const { node, backing } = loop;
  if (node === null) throw new UnknownUseError(`what is under ${name} has lost its name, ${backing}`);
  const subject: Subject =
    node.kind === 'block' ? subjectOf(sysfsFolder(node.id, system), system) : fileSubject(backing, node);
  const theirs = snapshot.usesOf(subject, name);
  if (subject.block !== null) theirs.push(...usesBelow(subject.block, snapshot, system));
  return theirs.length === 0 ? [] : [`on ${subject.label}, which is ${sentence(theirs)}`];
}

const fileSubject = (label: string, node: DeviceNode): Subject => ({
  label,
  nodes: [node],
  names: [],
  sources: [],
  block: null,
  own: [],
});

/** The label of a block device in the partition table that it stands in (PARTNAME of its uevent), or null. */
export function partitionLabel(id: string, machine: Machine): string | null {
  try {
    const uevent = new ProcSys(machine).text('sys', 'dev', 'block', id, 'uevent');
    return /^PARTNAME=(.+)$/m.exec(uevent ?? '')?.[1] ?? null;
  } catch (thrown) {
    // A name does not decide about safety: there is another one.
    if (thrown instanceof UnknownUseError) return null;
    throw thrown;
  }
}

/** Its folder under /sys/devices, relative to the root of sysfs. */
function sysfsFolder(id: string, system: ProcSys): string {
  const root = system.realPath('sys');
  const folder = system.realPath('sys', 'dev', 'block', id);
  if (root === null || folder === null || !folder.startsWith(`${root}/`)) {
    throw new UnknownUseError(`sysfs has no block device ${id}`);
  }
  return folder.slice(root.length + 1);
}

function isPartition(folder: string, system: ProcSys): boolean {
  return system.text('sys', folder, 'partition') !== null;
}

function partitionsOf(folder: string, system: ProcSys): string[] {
  const disk = baseName(folder);
  return (system.list('sys', folder) ?? [])
    .filter((name) => name.startsWith(disk))
    .map((name) => joinPath(folder, name))
    .filter((child) => isPartition(child, system));
}

function subjectOf(folder: string, system: ProcSys): Subject {
  const name = baseName(folder);
  const id = system.attribute(folder, 'dev');
  if (id === null || !/^\d+:\d+$/.test(id)) {
    throw new UnknownUseError(`${system.path('sys', folder, 'dev')} does not name a device`);
  }
  return {
    label: name,
    nodes: [{ kind: 'block', id }],
    // sysfs has ! where a name in /dev has a slash (cciss!c0d0).
    names: [baseName(name.replaceAll('!', '/'))],
    sources: [],
    block: name,
    own: btrfsOf(name, system),
  };
}

/** Btrfs has anonymous devices, and mountinfo shows one of several only. */
function btrfsOf(name: string, system: ProcSys): string[] {
  return (system.list('sys', 'fs', 'btrfs') ?? [])
    .filter((id) => system.list('sys', 'fs', 'btrfs', id, 'devices')?.includes(name) === true)
    .map((id) => `in use by the Btrfs ${id}`);
}
