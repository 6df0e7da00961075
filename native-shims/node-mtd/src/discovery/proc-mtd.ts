import { NodeMtdError } from '../errors.js';
import { isName, readText, quote } from './attributes.js';

/** A line of /proc/mtd. */
export interface ProcMtd {
  readonly index: number;
  readonly name: string;
  readonly size: number;
  readonly eraseSize: number;
}

const HEADER = 'dev:    size   erasesize  name';

/**
 * The lines of /proc/mtd, ascending by index; none if the file does not exist, as on a kernel without MTD. The kernel
 * does not escape quotes and spaces in a name, so the name goes from the first quote to the last one.
 * @throws NodeMtdError ERR_MALFORMED
 */
export function readProcMtd(path: string): ProcMtd[] {
  const text = readText(path);
  if (text === null) return [];
  const [header, ...lines] = text.split('\n');
  if (header !== HEADER || lines.pop() !== '')
    throw new NodeMtdError('ERR_MALFORMED', `${path} is not a list of MTDs`);
  const entries = lines.map((line) => parse(path, line));
  entries.sort((a, b) => a.index - b.index);
  for (const [i, entry] of entries.entries()) {
    if (entry.index === entries[i - 1]?.index) {
      throw new NodeMtdError('ERR_MALFORMED', `${path} has mtd${entry.index} twice`);
    }
  }
  return entries;
}

function parse(path: string, line: string): ProcMtd {
  const match = /^mtd(0|[1-9][0-9]{0,8}): ([0-9a-f]{8,16}) ([0-9a-f]{8}) "(.*)"$/.exec(line);
  const [, index, size, eraseSize, name] = match ?? [];
  const entry = {
    index: Number(index),
    name: name ?? '',
    size: parseInt(size ?? '', 16),
    eraseSize: parseInt(eraseSize ?? '', 16),
  };
  if (!match || !Number.isSafeInteger(entry.size) || !isName(entry.name)) {
    throw new NodeMtdError('ERR_MALFORMED', `${path} has a malformed line: ${quote(line)}`);
  }
  return entry;
}
