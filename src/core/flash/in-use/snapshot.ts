import { loops, type Loop } from './loops.js';
import { mounts, type Mount } from './mounts.js';
import { isOpenForWriting, openFiles, programOf, type OpenFile } from './processes.js';
import { isPathOf, isSourceOf, type Subject } from './subject.js';
import { swaps } from './swaps.js';
import { UnknownUseError, type ProcSys } from './system.js';

/** What is mounted, swapped to and open, read once. */
export class Snapshot {
  readonly mounts: readonly Mount[];
  readonly #system: ProcSys;
  readonly #swaps: readonly string[];
  readonly #loops: readonly Loop[];
  readonly #open: readonly OpenFile[];

  constructor(system: ProcSys) {
    this.#system = system;
    this.mounts = mounts(system);
    this.#swaps = swaps(system);
    this.#loops = loops(system);
    this.#open = [...openFiles(system)];
  }

  /** What is under a loop device; undefined when `name` is none. */
  under(name: string): Loop | undefined {
    return this.#loops.find((loop) => loop.name === name);
  }

  /**
   * How `subject` is used, each a phrase that goes after `is`; empty when nothing is known to use it.
   * @param except - a loop device on it that does not count
   * @throws UnknownUseError
   */
  usesOf(subject: Subject, except?: string): string[] {
    const uses = new Set(this.#mountsOf(subject));
    for (const use of subject.own) uses.add(use);
    const isSubject = (path: string): boolean => isPathOf(subject, path, this.#system.node(path));
    if (this.#swaps.some(isSubject)) uses.add('used as swap');
    for (const holder of this.#holdersOf(subject)) uses.add(`held by ${holder}`);
    const isFile = subject.nodes.some(({ kind }) => kind === 'file');
    for (const { name, backing, node } of this.#loops) {
      if (name === except) continue;
      if (isPathOf(subject, backing, node)) uses.add(`set up as ${name}`);
      else if (node === null && backing.endsWith(' (deleted)') && isFile) {
        throw new UnknownUseError(`what is under ${name} has lost its name, and may have others: ${backing}`);
      }
    }
    for (const file of this.#open) {
      if (!isPathOf(subject, file.path, file.node) || !isOpenForWriting(this.#system, file)) continue;
      uses.add(`open for writing in ${programOf(this.#system, file.pid)} (pid ${file.pid})`);
    }
    return [...uses];
  }

  #mountsOf(subject: Subject): string[] {
    const isOn = (device: string): boolean =>
      subject.nodes.some(({ kind, id }) => kind === 'block' && id === device);
    return this.mounts
      .filter(({ device, source }) => isOn(device) || isSourceOf(subject, source, this.#system))
      .map(({ point }) => `mounted at ${point}`);
  }

  /** Device mapper and md, with the name that people know the former by. */
  #holdersOf({ block }: Subject): string[] {
    if (block === null) return [];
    const holders = this.#system.list('sys', 'class', 'block', block, 'holders') ?? [];
    return holders.map((holder) => {
      const name = this.#system.attribute('class', 'block', holder, 'dm', 'name') ?? '';
      return name === '' ? holder : `${holder} (${name})`;
    });
  }
}
