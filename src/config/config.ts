import { CONFIG, type Config } from './keys.js';
import { readDocument } from './read-document.js';

export { DEFAULT_KEYS, type Config } from './keys.js';

/**
 * Reads a configuration file.
 * @throws SluiceError ERR_USAGE_CONFIG with all mistakes at once
 */
export function readConfig(path: string): Config {
  return readDocument(path, CONFIG, 'ERR_USAGE_CONFIG');
}
