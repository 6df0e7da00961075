import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { Platform } from '../../core/platform.js';
import type { KeyStore } from '../../core/trust/key-store.js';
import { loadKeys as loadKeysFrom, MAX_KEY_FILE_BYTES } from '../../core/trust/load-keys.js';
import { nodeFiles } from './fs/node-files.js';

/**
 * Reads the key store of a directory of this machine.
 * @throws SluiceError ERR_TRUST_NO_KEYS when the directory is missing or empty; ERR_TRUST_KEY, ERR_TRUST_HASH
 */
export function loadKeys(dir: string, platform: Platform): Promise<KeyStore> {
  return loadKeysFrom(nodeFiles, dir, platform);
}

/** A text that changes when a key of the directory is added, changed or removed; empty if the keys cannot be read. */
export function keysVersion(dir: string): string {
  try {
    const names = nodeFiles.list(dir).map(({ name }) => name);
    const keys = names
      .sort()
      .map((name) => [name, contentOf(dir, name, 'publickey'), contentOf(dir, name, 'hashfunc')]);
    return hash('sha256', JSON.stringify(keys), 'hex');
  } catch {
    return '';
  }
}

function contentOf(...path: string[]): string {
  const found = nodeFiles.readSmall(join(...path), MAX_KEY_FILE_BYTES);
  return typeof found === 'string' ? found : Buffer.from(found).toString('base64');
}
