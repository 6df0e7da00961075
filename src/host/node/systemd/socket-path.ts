import { readFileSync, readlinkSync } from 'node:fs';

/**
 * The path to which an open unix socket is bound. Node has no call for it (getsockname(2)); the kernel lists the sockets
 * of this network namespace in /proc/net/unix, by their inode.
 * @returns null if it has none, as an abstract socket, or if it cannot be found out
 */
export function socketPath(fd: number): string | null {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
    if (inode === undefined) return null;
    // Num RefCount Protocol Flags Type St Inode Path
    for (const line of readFileSync('/proc/self/net/unix', 'utf8').split('\n')) {
      const [, found, path] = /^(?:\S+ +){6}(\d+) (.*)$/.exec(line) ?? [];
      if (found === inode) return path?.startsWith('/') === true ? path : null;
    }
  } catch {
    // There is no /proc, or it is kept from this process.
  }
  return null;
}
