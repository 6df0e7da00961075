import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Kernel modules of an unpacked kernel package, and what each needs loaded before it. */
export class Modules {
  readonly #root: string;
  /** Path below `root` by name. */
  readonly #paths = new Map<string, string>();
  readonly #needs = new Map<string, readonly string[]>();
  /** The kernel's release, as `uname -r` says it. */
  readonly release: string;

  constructor(root: string) {
    this.#root = root;
    this.release = readdirSync(join(root, 'lib/modules'))[0] ?? 'none';
    const folder = join('lib/modules', this.release);
    for (const path of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (path.endsWith('.ko')) this.#paths.set(nameOf(path), join(folder, path));
    }
  }

  /** The named modules and all that they need, each after what it needs. Names of what is built in are left out. */
  closure(names: readonly string[]): string[] {
    const order: string[] = [];
    const visit = (name: string): void => {
      if (order.includes(name) || !this.#paths.has(name)) return;
      this.#needsOf(name).forEach(visit);
      order.push(name);
    };
    names.forEach((name) => visit(nameOf(name)));
    return order;
  }

  /** Path of a module, below the package's root. */
  path(name: string): string {
    const path = this.#paths.get(name);
    if (path === undefined) throw new Error(`the kernel package has no module ${name}`);
    return path;
  }

  fullPath(name: string): string {
    return join(this.#root, this.path(name));
  }

  file(name: string): Buffer {
    return readFileSync(this.fullPath(name));
  }

  /** The text of modules.dep, for modprobe in the guest: `path: paths it needs, what is to be loaded first last`. */
  dependencies(names: readonly string[]): string {
    const short = (name: string): string => this.path(name).split('/').slice(3).join('/');
    return this.closure(names)
      .map((name) => {
        const needs = this.closure([name]).slice(0, -1).reverse();
        return `${short(name)}:${needs.map((need) => ` ${short(need)}`).join('')}\n`;
      })
      .join('');
  }

  /** What a module says itself, in its section .modinfo: NUL-terminated `depends=a,b`. */
  #needsOf(name: string): readonly string[] {
    let needs = this.#needs.get(name);
    if (needs === undefined) {
      const file = this.file(name);
      const at = file.indexOf('\0depends=') + '\0depends='.length;
      const text = file.toString('latin1', at, file.indexOf(0, at));
      needs = text.split(',').filter(Boolean).map(nameOf);
      this.#needs.set(name, needs);
    }
    return needs;
  }
}

/** The kernel takes - and _ for one letter. */
const nameOf = (path: string): string => basename(path, '.ko').replaceAll('-', '_');
