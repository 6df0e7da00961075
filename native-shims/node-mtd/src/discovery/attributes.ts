import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NodeMtdError } from '../errors.js';

/** The longest name that any of the kernel's tables has room for is far below that; a page is sysfs's own limit. */
const LONGEST_NAME = 4096;

/**
 * The text of a file of the kernel; null when there is none.
 * @throws NodeMtdError ERR_MALFORMED when it is not UTF-8
 */
export function readText(path: string): string | null {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new NodeMtdError('ERR_MALFORMED', `${path} is not UTF-8`, { cause });
  }
}

/** The entries of a folder of the kernel; none when it does not exist, as on kernels without the subsystem. */
export function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The attributes of one device in sysfs: files of one line each. */
export class Attributes {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  has(name: string): boolean {
    return readText(join(this.folder, name)) !== null;
  }

  /** The line, with whatever it holds but the newline at its end. */
  line(name: string): string {
    const text = readText(join(this.folder, name));
    if (text === null) throw this.#malformed(name, 'is missing');
    if (!text.endsWith('\n') || text.indexOf('\n') !== text.length - 1) {
      throw this.#malformed(name, `is not one line: ${shown(text)}`);
    }
    return text.slice(0, -1);
  }

  /** A name as its maker chose it: spaces and quotes are allowed, control characters are not. */
  name(name: string): string {
    const line = this.line(name);
    if (!isName(line)) throw this.#malformed(name, `is no name: ${shown(line)}`);
    return line;
  }

  /** A decimal number, or with `0x` a hexadecimal one. */
  number(name: string): number {
    const line = this.line(name);
    const value = /^(?:0|[1-9][0-9]*|0x[0-9a-f]+)$/.test(line) ? Number(line) : NaN;
    if (!Number.isSafeInteger(value)) throw this.#malformed(name, `is no number: ${shown(line)}`);
    return value;
  }

  flag(name: string): boolean {
    const line = this.line(name);
    if (line !== '0' && line !== '1') throw this.#malformed(name, `is neither 0 nor 1: ${shown(line)}`);
    return line === '1';
  }

  /** Major and minor number of the device node. */
  dev(): { major: number; minor: number } {
    const line = this.line('dev');
    const match = /^([0-9]{1,4}):([0-9]{1,7})$/.exec(line);
    if (!match) throw this.#malformed('dev', `is no device number: ${shown(line)}`);
    return { major: Number(match[1]), minor: Number(match[2]) };
  }

  #malformed(name: string, what: string): NodeMtdError {
    return new NodeMtdError('ERR_MALFORMED', `${join(this.folder, name)} ${what}`);
  }
}

export function isName(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_NAME && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** Text from outside, for a message. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
