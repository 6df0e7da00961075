import { SluiceError } from '../../core/errors.js';
import { MAX_PASSWORD_CHARACTERS } from '../../protocols/http/auth/password-hash.js';
import { stderr } from '../output.js';

/** What NIST SP 800-63B asks for at least. */
const SHORTEST = 8;

const CONTROL = { interrupt: 3, end: 4, back: 8, lineFeed: 10, carriageReturn: 13, delete: 127 };

/**
 * A password: the first line of standard input. At a terminal it is asked for, twice, and not shown.
 * @throws SluiceError ERR_USAGE_OPTION
 */
export async function readPassword(name: string): Promise<string> {
  const { stdin } = process;
  const password = stdin.isTTY ? await askTwice(name) : await firstLine();
  if (password.length < SHORTEST || password.length > MAX_PASSWORD_CHARACTERS) {
    throw refusal(`a password has ${SHORTEST} to ${MAX_PASSWORD_CHARACTERS} characters`);
  }
  return password;
}

async function askTwice(name: string): Promise<string> {
  const first = await ask(`password of ${name}: `);
  if ((await ask('once more: ')) === first) return first;
  throw refusal('the two passwords differ');
}

async function firstLine(): Promise<string> {
  let text = '';
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += piece as string;
    if (text.includes('\n') || text.length > 2 * MAX_PASSWORD_CHARACTERS) break;
  }
  return text.replace(/\r?\n[^]*$/, '');
}

/** One line from the terminal, which it does not show. */
function ask(prompt: string): Promise<string> {
  const { stdin } = process;
  stderr().write(prompt);
  stdin.setRawMode(true).resume();
  const typed: number[] = [];
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      stdin.off('data', take).setRawMode(false).pause();
      stderr().write('\n');
    };
    const take = (bytes: Buffer): void => {
      for (const byte of bytes) {
        if (byte === CONTROL.interrupt) {
          finish();
          return reject(refusal('no password was given'));
        }
        if (byte === CONTROL.lineFeed || byte === CONTROL.carriageReturn || byte === CONTROL.end) {
          finish();
          return resolve(Buffer.from(typed).toString('utf8'));
        }
        if (byte === CONTROL.back || byte === CONTROL.delete) typed.pop();
        else typed.push(byte);
      }
    };
    stdin.on('data', take);
  });
}

const refusal = (message: string): SluiceError => new SluiceError('ERR_USAGE_OPTION', message);
