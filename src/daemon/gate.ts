import { digestOf, type Credentials } from '../protocols/http/auth/credentials.js';
import { AccessControl } from '../protocols/http/auth/access-control.js';
import { CredentialsFile } from './credentials-file.js';
import type { HttpConfig } from '../config/keys.js';
import type { StateFolder } from './state-folder.js';

/** Options of makeGate. */
export interface GateSources {
  readonly http: HttpConfig;
  readonly state: StateFolder;
  /** Keep the token of the last run. */
  readonly keepToken: boolean;
  readonly log: (message: string, error: unknown) => void;
}

/** The access control, and the step to do once the service listens. */
export interface MadeGate {
  readonly gate: AccessControl;
  /**
   * Writes the token to its file. Only once the service listens: a second service that cannot listen must not replace the
   * token of the first one.
   * @throws SluiceError ERR_USAGE_STATE
   */
  readonly publish: () => void;
}

/**
 * Makes the access control of the configuration. Without a credentials file there is one token, for users who can read
 * the state folder.
 * @throws SluiceError ERR_USAGE_CREDENTIALS
 */
export function makeGate({ http, state, keepToken, log }: GateSources): MadeGate {
  const gateOf = (credentials: () => Credentials): AccessControl =>
    new AccessControl({
      credentials,
      open: http.allowWithoutCredentials ?? null,
      names: http.hostNames ?? [],
      certificates: new Map(Object.entries(http.tls?.roles ?? {})),
      now: () => performance.now(),
    });
  if (http.credentials !== undefined) {
    const file = new CredentialsFile(http.credentials, log);
    return { gate: gateOf(() => file.current), publish: () => state.dropToken() };
  }
  const text = state.token(keepToken);
  const token = { name: 'token', role: 'Administrator', digest: digestOf(text) } as const;
  const credentials = { users: new Map(), tokens: [token] };
  return { gate: gateOf(() => credentials), publish: () => state.keepToken(text) };
}
