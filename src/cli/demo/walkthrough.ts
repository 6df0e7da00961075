import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../core/errors.js';

/** The launcher that users call, so that the memory use shown is that of a normal run. */
const PROGRAM = fileURLToPath(new URL('./sluice', import.meta.url));

const bold = (text: string) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
const dim = (text: string) => (process.stdout.isTTY ? `\x1b[2m${text}\x1b[0m` : text);

/** Prints headings, and runs real commands after printing them. */
export class Walkthrough {
  readonly #folder: string;
  #steps = 0;

  /** @param folder - working directory of the commands */
  constructor(folder: string) {
    this.#folder = folder;
  }

  step(title: string): void {
    process.stdout.write(`\n${bold(`${++this.#steps}. ${title}`)}\n`);
  }

  print(line: string): void {
    process.stdout.write(`   ${line}\n`);
  }

  /**
   * Runs a command of sluice; its progress goes to the terminal.
   * @returns the JSON document of the command
   * @throws SluiceError ERR_SESSION_INTERNAL if the exit code is not `exit`
   */
  async run<Result>(words: readonly string[], exit = 0): Promise<Result> {
    process.stdout.write(`   ${dim(`$ sluice ${words.join(' ')}`)}\n`);
    const child = spawn(PROGRAM, [...words, '--json'], {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (part: Buffer) => (text += part.toString('utf8')));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code === exit) return JSON.parse(text) as Result;
    throw new SluiceError(
      'ERR_SESSION_INTERNAL',
      `sluice ${words[0]} exited with ${code}, not ${exit}: ${text}`,
    );
  }
}
