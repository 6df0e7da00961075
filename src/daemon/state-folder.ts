import { randomBytes } from 'node:crypto';
import { accessSync, constants, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../host/node/fs/make-folder.js';
import { readSmallFile } from '../host/node/fs/small-file.js';
import { defaultFolder } from '../host/node/state/place.js';
import { systemFailure } from '../core/system-reason.js';
import { replaceFileSync } from '../host/node/fs/replace-file-sync.js';

/** Random bytes of a token: 192 bits cannot be guessed. */
const TOKEN_BYTES = 24;

/** Bits of a mode: the group may write, others may read or write. */
const NOT_OURS_ALONE = 0o026;

/** Bytes of a file with a token, at most. */
const MAX_TOKEN_BYTES = 256;

const TOKEN = /^[\w-]{32}$/;

export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

/** The state folder of the service. */
export class StateFolder {
  readonly path: string;

  /**
   * @param said - by an option or the configuration; else it is what systemd has made, or the usual one
   * @throws SluiceError ERR_USAGE_STATE
   */
  constructor(said: string | undefined, env: NodeJS.ProcessEnv) {
    this.path = said ?? defaultFolder(env);
    this.#use(() => {
      makeFolder(this.path);
      accessSync(this.path, constants.R_OK | constants.W_OK | constants.X_OK);
    });
  }

  /**
   * A token for this run of the service.
   * @param keep - the one of the last run where there is one: a service that is started by the first connection
   *   cannot give that connection a fresh one
   */
  token(keep: boolean): string {
    return (keep ? readToken(join(this.path, 'token')) : null) ?? newToken();
  }

  /**
   * Writes the token to `token` in the folder, for those who may read it there.
   * @throws SluiceError ERR_USAGE_STATE
   */
  keepToken(token: string): void {
    this.#use(() => replaceFileSync(join(this.path, 'token'), `${token}\n`));
  }

  /** Removes the token of an earlier run, which is not valid any more. */
  dropToken(): void {
    this.#use(() => rmSync(join(this.path, 'token'), { force: true }));
  }

  #use(work: () => void): void {
    try {
      work();
    } catch (cause) {
      throw systemFailure('ERR_USAGE_STATE', `cannot use ${this.path}`, cause);
    }
  }
}

/** @returns null for one that somebody else may have written, or everybody can read */
function readToken(file: string): string | null {
  try {
    const found = readSmallFile(file, MAX_TOKEN_BYTES);
    if (typeof found === 'string') return null;
    const { bytes, mode, uid } = found;
    if ((mode & NOT_OURS_ALONE) !== 0 || uid !== process.getuid?.()) return null;
    const text = bytes.toString('utf8').trim();
    return TOKEN.test(text) ? text : null;
  } catch {
    return null;
  }
}
