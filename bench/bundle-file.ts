/** A bundle in a file, as a sender has it. */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { FileSource } from '../src/host/node/sources/file-source.js';
import type { GeneratedBundle } from '../test/kit/generated-bundle.js';

/** Written piece by piece: it may be larger than memory. */
export function saveBundle(path: string, bundle: GeneratedBundle): void {
  const fd = openSync(path, 'w');
  try {
    for (const chunk of bundle.chunks()) writeSync(fd, chunk);
  } finally {
    closeSync(fd);
  }
}

/** What `act` makes of the file, which is closed behind it. */
export async function fromFile<T>(path: string, act: (source: FileSource) => Promise<T>): Promise<T> {
  const source = new FileSource(openSync(path, 'r'), path, statSync(path).size);
  try {
    return await act(source);
  } finally {
    source.close();
  }
}
