import { statSync } from 'node:fs';
import { SluiceError } from '../core/errors.js';
import { NO_CREDENTIALS, type Credentials } from '../protocols/http/auth/credentials.js';
import { parsePasswordHash, type PasswordHash } from '../protocols/http/auth/password-hash.js';
import { ROLES } from '../service/roles.js';
import { readDocument } from '../config/read-document.js';
import { group, key, listOf, mapOf, oneOf, text, type ValueOf } from '../config/shape.js';

const CODE = 'ERR_USAGE_CREDENTIALS';

/** Mode bits: writable by group or others. */
const WRITABLE = 0o022;

const role = key('Role of the user or token.', oneOf(ROLES));

const USER = group({ role, password: key('Hash of the password.', text()) }, {});

const TOKEN = group(
  {
    name: key('Name in receipts.', text()),
    role,
    hash: key('SHA-256 of the token.', text(/^sha256\$[0-9a-f]{64}$/, 'sha256$ and 64 hex digits')),
  },
  {},
);

/** The credentials file that `sluice credentials` writes. */
export const CREDENTIALS_FILE = group(
  {},
  {
    users: key('Users, by name.', mapOf(USER, 'a user for each name')),
    tokens: key('Tokens.', listOf(TOKEN, 'tokens')),
  },
);

export type CredentialsDocument = ValueOf<typeof CREDENTIALS_FILE>;

/**
 * Reads a file of credentials.
 * @throws SluiceError ERR_USAGE_CREDENTIALS with all mistakes at once
 */
export function readCredentials(path: string): Credentials {
  requireOwn(path);
  const { users = {}, tokens = [] } = readDocument(path, CREDENTIALS_FILE, CODE);
  const mistakes: string[] = [];
  const known = new Map<string, Credentials['users'] extends ReadonlyMap<string, infer U> ? U : never>();
  for (const [name, { role, password }] of Object.entries(users)) {
    const hash: PasswordHash | null = parsePasswordHash(password);
    if (hash === null) mistakes.push(`password of ${JSON.stringify(name)} is not an accepted hash`);
    else if (name === '' || name.includes(':'))
      mistakes.push(`user name ${JSON.stringify(name)} is empty or contains ":"`);
    else known.set(name, { role, password: hash });
  }
  const names = [...Object.keys(users), ...tokens.map(({ name }) => name)];
  for (const name of new Set(names.filter((each, at) => names.indexOf(each) < at)))
    mistakes.push(
      `${JSON.stringify(name)} is the name of two users or tokens; sessions and receipts go by it`,
    );
  if (mistakes.length > 0) throw new SluiceError(CODE, `${path}: ${mistakes.join('; ')}`);
  return {
    users: known,
    tokens: tokens.map(({ name, role, hash }) => ({ name, role, digest: Buffer.from(hash.slice(7), 'hex') })),
  };
}

/** Users who can write the file could add their own credentials. */
function requireOwn(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & WRITABLE) === 0) return;
  throw new SluiceError(CODE, `other users can write ${path}; run chmod go-w ${path}`);
}

/** A credentials file that is read again after a change. */
export class CredentialsFile {
  readonly #path: string;
  readonly #log: (message: string, error: unknown) => void;
  #stamp: string;
  #credentials: Credentials;

  /** @throws SluiceError ERR_USAGE_CREDENTIALS */
  constructor(path: string, log: (message: string, error: unknown) => void) {
    this.#path = path;
    this.#log = log;
    this.#stamp = stampOf(path);
    this.#credentials = readCredentials(path);
  }

  /** The current credentials. If the file becomes invalid, all requests are refused: the change may be a revocation. */
  get current(): Credentials {
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return this.#credentials;
    this.#stamp = stamp;
    try {
      this.#credentials = readCredentials(this.#path);
    } catch (thrown) {
      this.#credentials = NO_CREDENTIALS;
      this.#log('every request is refused until the credentials are fixed', thrown);
    }
    return this.#credentials;
  }
}

/** A text that changes if the file is written or replaced. */
function stampOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
}
