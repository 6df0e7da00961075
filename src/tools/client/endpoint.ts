import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.js';
import { systemFailure } from '../../core/system-reason.js';
import { tooLong } from '../../host/node/fs/unix-path.js';

/** Default address of a service. */
export const DEFAULT_SERVICE_URL = 'http://127.0.0.1:8080';

/** Default state folder of a service, which has its token. */
const DEFAULT_STATE_DIRECTORY = '/var/lib/sluice';

/** Largest token file in bytes; tokens and passwords are much smaller. */
const MAX_SECRET_BYTES = 4096;

/** Files with the credentials of a client and its trusted CA; each undefined if not given. */
export interface EndpointFiles {
  /** A token, or NAME:PASSWORD, on the first line. */
  readonly 'token-file'?: string | undefined;
  /** PEM of the authority that has signed the certificate of the service. */
  readonly ca?: string | undefined;
  /** PEM of the certificate to show to the service. */
  readonly cert?: string | undefined;
  /** PEM of its private key. */
  readonly key?: string | undefined;
}

/** A service and the way to connect to it. */
export interface Endpoint {
  /** For messages; without credentials. */
  readonly name: string;
  readonly tls: boolean;
  /** What node:http and node:https take. */
  readonly address: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  /** Value of Authorization; null for none. */
  readonly authorization: string | null;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/**
 * The service at an address.
 * @param text - `http://HOST:PORT`, `https://HOST` or `unix:PATH`
 * @param env - has SLUICE_TOKEN, and STATE_DIRECTORY of a service on this machine
 * @throws SluiceError ERR_USAGE_ARGUMENT, ERR_USAGE_OPTION
 */
export function endpointOf(text: string, files: EndpointFiles, env: NodeJS.ProcessEnv): Endpoint {
  const { name, tls, address, secret: inline, local } = addressOf(text);
  const file = (option: keyof EndpointFiles): Buffer | undefined => {
    const path = files[option];
    if (path === undefined) return undefined;
    if (!tls) throw new SluiceError('ERR_USAGE_OPTION', `--${option} goes with https, and this is ${name}`);
    return read(option, path);
  };
  const [ca, cert, key] = [file('ca'), file('cert'), file('key')];
  if ((cert === undefined) !== (key === undefined)) {
    throw new SluiceError('ERR_USAGE_OPTION', '--cert and --key go together');
  }
  const tokenFile = files['token-file'];
  const secret =
    (tokenFile === undefined ? null : firstLine(read('token-file', tokenFile), tokenFile)) ??
    inline ??
    nonEmpty(env['SLUICE_TOKEN']) ??
    // A client certificate identifies the client; a default token that is wrong would cause a refusal.
    (local && cert === undefined ? tokenOfThisMachine(env) : null);
  return {
    name,
    tls,
    address,
    authorization: secret === null ? null : authorizationOf(secret),
    ca,
    cert,
    key,
  };
}

interface Parsed extends Pick<Endpoint, 'name' | 'tls' | 'address'> {
  readonly secret: string | null;
  /** Whether the service is on this machine. */
  readonly local: boolean;
}

/**
 * Reads `http://HOST:PORT`, `https://HOST` or `unix:PATH`.
 * @throws SluiceError ERR_USAGE_ARGUMENT
 */
export function addressOf(text: string): Parsed {
  if (text.startsWith('unix:')) {
    const socketPath = text.slice(5);
    if (socketPath === '') throw wrong('unix: needs the path of a socket');
    const long = tooLong(socketPath);
    if (long !== null) throw wrong(long);
    return { name: text, tls: false, address: { socketPath }, secret: null, local: true };
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong('it is given as http://HOST:PORT, https://HOST or unix:PATH');
  }
  const { protocol, hostname, pathname, search, hash } = url;
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw wrong(`it is given as http://, https:// or unix:, not ${protocol}`);
  }
  if (pathname !== '/' || search !== '' || hash !== '') {
    throw wrong(`it is given without a path: ${url.origin}`);
  }
  const tls = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  const secret = url.username === '' ? null : `${decoded(url.username)}:${decoded(url.password)}`;
  const local = host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
  return { name: url.origin, tls, address: { host, port }, secret, local };
}

/** @throws SluiceError ERR_USAGE_ARGUMENT */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('its name or password has a % that begins no byte; write %25 for it');
  }
}

const wrong = (what: string): SluiceError =>
  new SluiceError('ERR_USAGE_ARGUMENT', `that is no address of a service: ${what}`);

/** No token has a colon; a name and a password have one between them. */
export function authorizationOf(secret: string): string {
  return secret.includes(':') ? `Basic ${Buffer.from(secret).toString('base64')}` : `Bearer ${secret}`;
}

const nonEmpty = (text: string | undefined): string | null =>
  text === undefined || text === '' ? null : text;

/** The token of a service on this machine; null if its file is missing or not readable. */
function tokenOfThisMachine(env: NodeJS.ProcessEnv): string | null {
  const folder = env['STATE_DIRECTORY']?.split(':')[0] ?? DEFAULT_STATE_DIRECTORY;
  try {
    return nonEmpty(readFileSync(join(folder, 'token'), 'utf8').trim());
  } catch {
    return null;
  }
}

function firstLine(bytes: Buffer, path: string): string {
  const line = bytes.length > MAX_SECRET_BYTES ? '' : (bytes.toString('utf8').split(/\r?\n/)[0] as string);
  if (line !== '' && !/[\x00-\x1f\x7f]/.test(line)) return line;
  throw new SluiceError('ERR_USAGE_OPTION', `${path} has no token on its first line`);
}

function read(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw systemFailure('ERR_USAGE_OPTION', `--${option}: cannot read ${path}`, cause);
  }
}
