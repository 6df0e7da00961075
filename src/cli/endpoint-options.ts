import type { Invocation, OptionTable } from '../config/invocation.js';
import { endpointOf, type Endpoint } from '../tools/client/endpoint.js';

/** Options that name a service and give the credentials of the client. */
export const ENDPOINT_OPTIONS: OptionTable = {
  'token-file': {
    value: 'FILE',
    help: 'a token, or NAME:PASSWORD, on the first line of a file (default $SLUICE_TOKEN,\nthen the token of a service on this machine)',
  },
  ca: { value: 'FILE', help: 'PEM of the CA that signed the certificate of the service' },
  cert: { value: 'FILE', help: 'PEM of the client certificate' },
  key: { value: 'FILE', help: 'PEM of its private key' },
};

/**
 * The service that a command line means.
 * @throws SluiceError ERR_USAGE_ARGUMENT, ERR_USAGE_OPTION
 */
export function endpointFrom(address: string, invocation: Invocation): Endpoint {
  const files = Object.fromEntries(
    Object.keys(ENDPOINT_OPTIONS).map((name) => [name, invocation.option(name)]),
  );
  return endpointOf(address, files, process.env);
}
