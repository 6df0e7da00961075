import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../core/errors.js';

/** The program itself, through the launcher that users call, so that its memory is what theirs is. */
const PROGRAM = fileURLToPath(new URL('./sluice', import.meta.url));

const bold = (text: string) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
const dim = (text: string) => (process.stdout.isTTY ? `\x1b[2m${text}\x1b[0m` : text);

/** Tells the story: headings, and real commands that it shows before it runs them. */
export class Teller {
  readonly #folder: string;
  #chapter = 0;

  /** @param folder - where the commands run */
  constructor(folder: string) {
    this.#folder = folder;
  }

  chapter(title: string): void {
    process.stdout.write(`\n${bold(`${++this.#chapter}. ${title}`)}\n`);
  }

  say(line: string): void {
    process.stdout.write(`   ${line}\n`);
  }

  /**
   * Runs a command of sluice; its drawing goes to the terminal.
   * @returns its JSON document
   * @throws SluiceError ERR_SESSION_INTERNAL when it ends with another exit code than the story needs
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
      `sluice ${words[0]} ended with ${code}, not ${exit}: ${text}`,
    );
  }
}
