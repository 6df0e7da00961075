import { UnknownUseError, unescapeOctal, type ProcSys } from './system.js';

/** One line of mountinfo. */
export interface Mount {
  /** `major:minor` of the file system: of its block device, 31:N on MTD, an anonymous 0:N on UBI. */
  readonly device: string;
  readonly point: string;
  readonly type: string;
  /** What it was mounted from, in the words of whoever did it. */
  readonly source: string;
}

/**
 * What is mounted, here and in other mount namespaces (containers, services with a private view) as far as they
 * can be seen.
 */
export function mounts(system: ProcSys): Mount[] {
  const own = system.text('proc', 'self', 'mountinfo');
  if (own === null) throw new UnknownUseError(`${system.path('proc', 'self', 'mountinfo')} is not there`);
  const found = parseMountinfo(own, system.path('proc', 'self', 'mountinfo'));
  const seen = new Set([viewOf(system, 'self')]);
  for (const pid of system.list('proc') ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    const view = viewOf(system, pid);
    if (view === null || seen.has(view)) continue;
    const text = foreign(() => system.text('proc', pid, 'mountinfo'));
    // A process that has just ended has neither; the next one of its namespace may have.
    if (text === null || text === '') continue;
    seen.add(view);
    found.push(...parseMountinfo(text, system.path('proc', pid, 'mountinfo')));
  }
  return found;
}

/** The lines of a mountinfo (proc(5)): `36 35 98:0 /root /point options shared:1 ... - type source options`. */
export function parseMountinfo(text: string, name: string): Mount[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, index): Mount => {
    const fields = line.split(' ');
    // The optional fields before the dash are of any number; the six before them are not.
    const dash = fields.indexOf('-', 6);
    const [device, point] = [fields[2], fields[4]];
    const [type, source, options] = dash < 0 ? [] : fields.slice(dash + 1);
    if (
      device === undefined ||
      !/^\d+:\d+$/.test(device) ||
      point?.startsWith('/') !== true ||
      type === undefined ||
      type === '' ||
      source === undefined ||
      options === undefined
    ) {
      throw new UnknownUseError(`line ${index + 1} of ${name} cannot be understood`);
    }
    return { device, point: unescapeOctal(point), type, source: unescapeOctal(source) };
  });
}

/** The mount namespace and the root of a process: mountinfo ends at the latter, which a chroot has changed. */
function viewOf(system: ProcSys, pid: string): string | null {
  const namespace = foreign(() => system.link('proc', pid, 'ns', 'mnt'));
  return namespace === null ? null : `${namespace} ${system.folder('proc', pid, 'root') ?? ''}`;
}

/** What only root may see of other processes is left out where this is not root. */
function foreign<T>(look: () => T): T | null {
  try {
    return look();
  } catch (thrown) {
    if (thrown instanceof UnknownUseError) return null;
    throw thrown;
  }
}
