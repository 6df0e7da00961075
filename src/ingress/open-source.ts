import { fstatSync, openSync } from 'node:fs';
import { errnoOf, SluiceError } from '../errors.js';
import { FileSource } from './file-source.js';
import { PipeSource } from './pipe-source.js';
import type { Source } from './source.js';

/**
 * Opens a source: `-` for standard input, an http or https URL, or a path.
 * @throws SluiceError ERR_SOURCE_UNREADABLE
 */
export async function openSource(text: string): Promise<Source> {
  if (text === '-') return new PipeSource(0, 'standard input');
  if (/^https?:\/\//i.test(text)) {
    const { HttpSource } = await import('./pull/http-source.js');
    return HttpSource.open(text);
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new SluiceError('ERR_SOURCE_UNREADABLE', `${text}: only http and https URLs can be read`);
  }
  try {
    const fd = openSync(text, 'r');
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw new SluiceError('ERR_SOURCE_UNREADABLE', `${text} is a directory`);
    return stat.isFile() ? new FileSource(fd, text, stat.size) : new PipeSource(fd, text);
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    throw new SluiceError('ERR_SOURCE_UNREADABLE', `cannot open ${text}: ${errnoOf(thrown) ?? thrown}`, {
      cause: thrown,
    });
  }
}
