import { randomBytes } from 'node:crypto';
import { accessSync, constants, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../core/errors.js';
import { makeFolder } from '../host/node/fs/make-folder.js';
import { PidLock } from '../host/node/fs/pid-lock.js';
import { readSmallFile } from '../host/node/fs/small-file.js';
import { defaultFolder } from '../host/node/state/place.js';
import { systemFailure } from '../core/system-reason.js';
import { replaceFileSync } from '../host/node/fs/replace-file-sync.js';

/** Random bytes of a token. 192 bits cannot be guessed. */
const TOKEN_BYTES = 24;

/** Mode bits: writable by the group, readable or writable by others. */
const EXPOSED_MODE = 0o026;

/** Size limit of a token file. */
const MAX_TOKEN_BYTES = 256;

const TOKEN = /^[\w-]{32}$/;

export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

/** The state folder of the service, which no other service uses until `release`. */
export class StateFolder {
  readonly path: string;
  readonly #lock: PidLock;

  /**
   * Takes the lock of the folder: two services would number their receipts alike and replace each other's token.
   * @param path - from an option or the configuration; undefined: the default folder
   * @throws SluiceError ERR_USAGE_STATE
   */
  constructor(path: string | undefined, env: NodeJS.ProcessEnv) {
    this.path = path ?? defaultFolder(env);
    this.#withStateErrors(() => {
      makeFolder(this.path);
      accessSync(this.path, constants.R_OK | constants.W_OK | constants.X_OK);
    });
    this.#lock = this.#withStateErrors(() => lockOf(this.path));
  }

  release(): void {
    this.#lock.release();
  }

  /**
   * A token for this run of the service.
   * @param keep - use the token of the last run, if any: a client whose connection starts the service cannot know a new
   *   token
   */
  token(keep: boolean): string {
    return (keep ? readToken(join(this.path, 'token')) : null) ?? newToken();
  }

  /**
   * Writes the token to the file `token` in the folder.
   * @throws SluiceError ERR_USAGE_STATE
   */
  keepToken(token: string): void {
    this.#withStateErrors(() => replaceFileSync(join(this.path, 'token'), `${token}\n`));
  }

  /** Removes the token of an earlier run, which is no longer valid. */
  dropToken(): void {
    this.#withStateErrors(() => rmSync(join(this.path, 'token'), { force: true }));
  }

  #withStateErrors<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw systemFailure('ERR_USAGE_STATE', `cannot use ${this.path}`, cause);
    }
  }
}

function lockOf(folder: string): PidLock {
  try {
    return PidLock.take(join(folder, 'service'));
  } catch (cause) {
    if (!(cause instanceof SluiceError)) throw cause;
    throw new SluiceError(
      'ERR_USAGE_STATE',
      `${folder} is the state folder of another service: ${cause.message}`,
      {
        cause,
      },
    );
  }
}

/** @returns null if another user may have written the file or can read it */
function readToken(file: string): string | null {
  try {
    const found = readSmallFile(file, MAX_TOKEN_BYTES);
    if (typeof found === 'string') return null;
    const { bytes, mode, uid } = found;
    if ((mode & EXPOSED_MODE) !== 0 || uid !== process.getuid?.()) return null;
    const text = bytes.toString('utf8').trim();
    return TOKEN.test(text) ? text : null;
  } catch {
    return null;
  }
}
