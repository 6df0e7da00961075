import type { Platform } from '../../core/platform.js';
import type { KeyStore } from '../../core/trust/key-store.js';
import { loadKeys as loadKeysFrom } from '../../core/trust/load-keys.js';
import { nodeFiles } from './fs/node-files.js';

/**
 * Reads the key store of a directory of this machine.
 * @throws SluiceError ERR_TRUST_NO_KEYS when the directory is missing or empty; ERR_TRUST_KEY, ERR_TRUST_HASH
 */
export function loadKeys(dir: string, platform: Platform): Promise<KeyStore> {
  return loadKeysFrom(nodeFiles, dir, platform);
}
