import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NodeMtdError } from '../errors.js';

/** Characters. Names of the kernel are much shorter; a sysfs file has at most one page. */
const MAX_NAME_LENGTH = 4096;

/**
 * The text of a kernel file; null if the file does not exist.
 * @throws NodeMtdError ERR_MALFORMED if the text is not UTF-8
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

/** The entries of a kernel folder; none if it does not exist, as on kernels without the subsystem. */
export function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The attributes of one device in sysfs: files with one line each. */
export class Attributes {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  has(name: string): boolean {
    return readText(join(this.folder, name)) !== null;
  }

  /** The line without its newline. */
  line(name: string): string {
    const text = readText(join(this.folder, name));
    if (text === null) throw this.#malformed(name, 'is missing');
    if (!text.endsWith('\n') || text.indexOf('\n') !== text.length - 1) {
      throw this.#malformed(name, `is not one line: ${quote(text)}`);
    }
    return text.slice(0, -1);
  }

  /** A name. Spaces and quotes are allowed, control characters are not. */
  name(name: string): string {
    const line = this.line(name);
    if (!isName(line)) throw this.#malformed(name, `is not a name: ${quote(line)}`);
    return line;
  }

  /** A decimal number, or a hexadecimal number with `0x`. */
  number(name: string): number {
    const line = this.line(name);
    const value = /^(?:0|[1-9][0-9]*|0x[0-9a-f]+)$/.test(line) ? Number(line) : NaN;
    if (!Number.isSafeInteger(value)) throw this.#malformed(name, `is not a number: ${quote(line)}`);
    return value;
  }

  flag(name: string): boolean {
    const line = this.line(name);
    if (line !== '0' && line !== '1') throw this.#malformed(name, `is neither 0 nor 1: ${quote(line)}`);
    return line === '1';
  }

  /** Major and minor number of the device node. */
  dev(): { major: number; minor: number } {
    const line = this.line('dev');
    const match = /^([0-9]{1,4}):([0-9]{1,7})$/.exec(line);
    if (!match) throw this.#malformed('dev', `is not a device number: ${quote(line)}`);
    return { major: Number(match[1]), minor: Number(match[2]) };
  }

  #malformed(name: string, what: string): NodeMtdError {
    return new NodeMtdError('ERR_MALFORMED', `${join(this.folder, name)} ${what}`);
  }
}

export function isName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_NAME_LENGTH && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** Text of the kernel for a message, at most 80 characters of it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
