import { Skip } from './tools.js';

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Tests one after the other, told as TAP. */
export class Report {
  readonly #counts = { total: 0, pass: 0, fail: 0, skip: 0 };

  constructor(readonly only: string) {}

  /** Runs a test; what it throws is why it failed. Tests whose name lacks the text that was asked for are left out. */
  async test(name: string, body: () => Promise<void> | void): Promise<void> {
    if (!name.includes(this.only)) return;
    const began = performance.now();
    try {
      await body();
      this.#add(true, name, ` # ${((performance.now() - began) / 1000).toFixed(1)} s`);
    } catch (thrown) {
      if (thrown instanceof Skip) {
        this.skip(name, thrown.message);
        return;
      }
      this.#add(false, name, '');
      print(
        (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)).replace(/^/gm, '    '),
      );
    }
  }

  skip(name: string, reason: string): void {
    this.#counts.skip += 1;
    this.#add(true, name, ` # SKIP ${reason.split('\n')[0]}`);
  }

  /** The last lines, as the other runners print them. @returns the exit code */
  end(): number {
    const { total, pass, fail, skip } = this.#counts;
    print(`1..${total}\n# { total: ${total}, pass: ${pass - skip}, fail: ${fail}, skip: ${skip} }`);
    return fail === 0 ? 0 : 1;
  }

  get failed(): number {
    return this.#counts.fail;
  }

  #add(ok: boolean, name: string, comment: string): void {
    this.#counts.total += 1;
    this.#counts[ok ? 'pass' : 'fail'] += 1;
    print(`${ok ? 'ok' : 'not ok'} ${this.#counts.total} - ${name}${comment}`);
  }
}
