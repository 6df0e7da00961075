/** TLS. Loaded only where the configuration has a certificate. */
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

/** Milliseconds between two looks whether the files have changed. */
const MIN_CHECK_INTERVAL_MS = 2000;

/** Certificate, key and authorities, read again when their files have changed. */
export class TlsFiles {
  readonly #config: TlsConfig;
  readonly #log: (message: string, error: unknown) => void;
  readonly #servers: { setSecureContext(options: SecureContextOptions): void }[] = [];
  #options: SecureContextOptions;
  #stamp: string;
  #looked = 0;

  /** @throws SluiceError ERR_USAGE_CREDENTIALS */
  constructor(config: TlsConfig, log: (message: string, error: unknown) => void) {
    this.#config = config;
    this.#log = log;
    this.#stamp = stampOf(config);
    this.#options = optionsOf(config);
  }

  /** A server that answers as `http` says, not listening yet. @param handshake - milliseconds */
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
    // Ahead of the listener that begins the handshake.
    server.prependListener('connection', () => this.#look());
    return http.prepare(server as Server, { kind: 'tcp', tls: true, role: null });
  }

  /** Reads the files again; those in use stay where the new ones cannot be used. */
  reload(): void {
    this.#stamp = stampOf(this.#config);
    try {
      this.#options = optionsOf(this.#config);
      for (const server of this.#servers) server.setSecureContext(this.#options);
    } catch (thrown) {
      this.#log('the old certificate stays in use', thrown);
    }
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#looked < MIN_CHECK_INTERVAL_MS) return;
    this.#looked = now;
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
    throw new SluiceError('ERR_USAGE_CREDENTIALS', `TLS cannot be had with ${files.join(', ')}: ${reason}`, {
      cause,
    });
  }
  return options;
}

/** Node takes a file without any for one of no authorities, which would let nobody in, and not say why. */
function requireCertificates(path: string): void {
  const certificates = read(path)
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g);
  try {
    const parsed = certificates?.map((pem) => new X509Certificate(pem)) ?? [];
    if (parsed.length === 0) throw new Error('there are none');
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
