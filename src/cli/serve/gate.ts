import { digestOf, type Credentials } from '../../ingress/http/auth/credentials.js';
import { Gate } from '../../ingress/http/auth/gate.js';
import { CredentialsFile } from '../credentials/credentials-file.js';
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

/**
 * The gatekeeper that the configuration asks for. Without a file of credentials there is one token, for who can read
 * the state folder.
 * @throws SluiceError ERR_USAGE_CREDENTIALS, ERR_USAGE_STATE
 */
export function makeGate({ http, state, keepToken, log }: GateSources): Gate {
  return new Gate({
    credentials: credentialsOf(),
    open: http.allowWithoutCredentials ?? null,
    names: http.hostNames ?? [],
    certificates: new Map(Object.entries(http.tls?.roles ?? {})),
    now: () => performance.now(),
  });

  function credentialsOf(): () => Credentials {
    if (http.credentials === undefined) {
      const token = {
        name: 'token',
        role: 'Administrator',
        digest: digestOf(state.token(keepToken)),
      } as const;
      const credentials = { users: new Map(), tokens: [token] };
      return () => credentials;
    }
    const file = new CredentialsFile(http.credentials, log);
    state.dropToken();
    return () => file.current;
  }
}
