import { cacheFolder } from '../../test/proof/guest/vm/cache.js';
import { unpacked } from '../../test/proof/guest/vm/packages.js';
import { hostRun } from '../../test/proof/guest/vm/run-host.js';

/** The peers and what measures them, as Debian has them. */
const WANTED = ['swupdate', 'mtd-utils', 'coreutils', 'tar', 'openssl', 'strace'];
/** Needed to install packages, not to run programs. */
const NOT_NEEDED =
  /^(debconf|cdebconf|dpkg|perl.*|libperl.*|passwd|usrmerge|usr-is-merged|install-info|init-system-helpers|sysuser-helper|libpam.*|libdebian-installer.*|lib(file-find|number|text-glob).*-perl)$/;

/** The peers' programs with all that they need, unpacked. */
export function peerRoot(): { readonly name: string; readonly folder: string } {
  const flags = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (no) => `--no-${no}`,
  );
  const text = hostRun('apt-cache', ['depends', '--recurse', ...flags, ...WANTED]).toString();
  const packages = [...new Set(text.match(/^[a-z][a-z0-9.+-]*$/gm))].filter((name) => !NOT_NEEDED.test(name));
  const folder = unpacked(cacheFolder(), 'peers', packages.sort());
  return { name: `peers of ${packages.length} packages`, folder };
}

/** Versions of the packages, for the report. */
export function versionOf(name: string): string {
  const text = hostRun('apt-cache', ['policy', name]).toString();
  return /Candidate: (\S+)/.exec(text)?.[1] ?? 'unknown';
}
