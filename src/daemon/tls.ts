/** TLS. Loaded only if the configuration has a certificate. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:http';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { SluiceError } from '../core/errors.js';
import type { HttpService } from '../protocols/http/http-service.js';
import { systemFailure } from '../core/system-reason.js';
import type { HttpConfig } from '../config/keys.js';

export type TlsConfig = NonNullable<HttpConfig['tls']>;

/** Minimum time between two checks for changed files. */
const MIN_CHECK_INTERVAL_MS = 2000;

/** Certificate, key and authorities, read again if their files change. */
export class TlsFiles {
  readonly #config: TlsConfig;
  readonly #log: (message: string, error: unknown) => void;
  readonly #servers: { setSecureContext(options: SecureContextOptions): void }[] = [];
  #options: SecureContextOptions;
  #stamp: string;
  #checkedAt = 0;

  /** @throws SluiceError ERR_USAGE_CREDENTIALS */
  constructor(config: TlsConfig, log: (message: string, error: unknown) => void) {
    this.#config = config;
    this.#log = log;
    this.#stamp = stampOf(config);
    this.#options = optionsOf(config);
  }

  /** A TLS server for `http` that does not listen yet. @param handshake - milliseconds */
  server(http: HttpService, handshake: number): Server {
    const { clientCertificates, clientCertificatesOnly = false } = this.#config;
    const server = createServer({
      ...http.serverOptions,
      ...this.#options,
      handshakeTimeout: handshake,
      requestCert: clientCertificates !== undefined,
      rejectUnauthorized: clientCertificatesOnly,
    });
    this.#servers.push(server);
    // Before the listener that begins the handshake.
    server.prependListener('connection', () => this.#reloadIfChanged());
    return http.prepare(server as Server, { kind: 'tcp', tls: true, role: null });
  }

  /** Reads the files again. If the new ones are invalid, the old ones stay in use. */
  reload(): void {
    this.#stamp = stampOf(this.#config);
    try {
      this.#options = optionsOf(this.#config);
      for (const server of this.#servers) server.setSecureContext(this.#options);
    } catch (thrown) {
      this.#log('old certificate stays in use', thrown);
    }
  }

  #reloadIfChanged(): void {
    const now = performance.now();
    if (now - this.#checkedAt < MIN_CHECK_INTERVAL_MS) return;
    this.#checkedAt = now;
    if (stampOf(this.#config) !== this.#stamp) this.reload();
  }
}

function optionsOf({ certificate, key, clientCertificates }: TlsConfig): SecureContextOptions {
  if (clientCertificates !== undefined) requireCertificates(clientCertificates);
  const options: SecureContextOptions = {
    cert: read(certificate),
    key: read(key),
    minVersion: 'TLSv1.2',
    ...(clientCertificates === undefined ? {} : { ca: read(clientCertificates) }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const files = [certificate, key, ...(clientCertificates === undefined ? [] : [clientCertificates])];
    const reason = (cause as Error).message.replace(/^error:[0-9A-F]+:/, '');
    throw new SluiceError('ERR_USAGE_CREDENTIALS', `TLS cannot use ${files.join(', ')}: ${reason}`, {
      cause,
    });
  }
  return options;
}

/** Node accepts a file without certificates: it then refuses all clients without a reason. */
function requireCertificates(path: string): void {
  const certificates = read(path)
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g);
  try {
    const parsed = certificates?.map((pem) => new X509Certificate(pem)) ?? [];
    if (parsed.length === 0) throw new Error('the file has none');
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^error:[0-9A-F]+:/, '');
    throw new SluiceError('ERR_USAGE_CREDENTIALS', `cannot read the certificates in ${path}: ${reason}`, {
      cause,
    });
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw systemFailure('ERR_USAGE_CREDENTIALS', `cannot read ${path}`, cause);
  }
}

function stampOf({ certificate, key, clientCertificates }: TlsConfig): string {
  return [certificate, key, clientCertificates]
    .map((path) => {
      const found = path === undefined ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false });
      return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`;
    })
    .join(' ');
}
