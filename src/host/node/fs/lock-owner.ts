import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../../core/errors.js';

/** `PID START BOOT NAMESPACE`; the last two are missing in locks of other programs, and `-` if they are not known. */
const OWNER = /^([1-9]\d{0,6}) (\d+)(?: ([\w-]+) ([\w:[\]-]+))?\n$/;

/**
 * The text by which this process owns a lock: its number, the time of its start, since numbers are used again, the boot,
 * since both can be the same after a restart, and the namespace in which the number counts.
 */
export function ownerText(): string {
  return `${process.pid} ${startOf(process.pid) ?? '0'} ${bootId()} ${pidNamespace()}\n`;
}

/** Whether a text is that of an owner, whatever became of the process. */
export const isOwner = (text: string): boolean => OWNER.test(text);

/**
 * Who owns a lock. A process that cannot be seen, in another container or with /proc mounted with hidepid, counts as
 * living: taking its lock away would be worse than asking for help.
 * @returns null if the process is certainly gone, or the text is that of no owner
 */
export function livingOwner(text: string): string | null {
  const [, digits, start, boot = '-', namespace = '-'] = OWNER.exec(text) ?? [];
  if (digits === undefined) return null;
  if (differ(boot, bootId())) return null;
  const name = `process ${digits}`;
  if (differ(namespace, pidNamespace())) return `${name} of another container`;
  const pid = Number(digits);
  if (!exists(pid)) return null;
  const now = startOf(pid);
  return now === null || (now !== undefined && now !== start) ? null : name;
}

const differ = (a: string, b: string): boolean => a !== '-' && b !== '-' && a !== b;

/** Asks the kernel, which answers for processes that /proc does not show, too. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return errnoOf(thrown) !== 'ESRCH';
  }
}

/**
 * Start of a process in clock ticks since boot (proc(5), field 22 of stat).
 * @returns null for a zombie, which holds nothing any more; undefined if /proc does not show the process
 */
function startOf(pid: number): string | null | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name, field 2, is in brackets and may hold anything; field 3, the state, is the first after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19];
}

const bootId = (): string =>
  orUnknown(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());

const pidNamespace = (): string => orUnknown(() => readlinkSync('/proc/self/ns/pid'));

function orUnknown(read: () => string): string {
  try {
    return read() || '-';
  } catch {
    return '-';
  }
}
