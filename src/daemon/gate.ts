import { digestOf, type Credentials } from '../protocols/http/auth/credentials.js';
import { AccessControl } from '../protocols/http/auth/access-control.js';
import { CredentialsFile } from './credentials-file.js';
import type { HttpConfig } from '../config/keys.js';
import type { StateFolder } from './state-folder.js';

/** What the gate is made with. */
export interface GateSources {
  readonly http: HttpConfig;
  readonly state: StateFolder;
  /** Go on with the token of the last run. */
  readonly keepToken: boolean;
  readonly log: (message: string, error: unknown) => void;
}

/** A gatekeeper, and what is to be done when the service listens. */
export interface MadeGate {
  readonly gate: AccessControl;
  /**
   * Puts the token in its place. Not before: a second service that cannot listen must not take away the token of the
   * first one.
   * @throws SluiceError ERR_USAGE_STATE
   */
  readonly publish: () => void;
}

/**
 * The gatekeeper that the configuration asks for. Without a file of credentials there is one token, for who can read
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
