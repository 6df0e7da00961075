import { ROLES } from '../service/roles.js';
import { TRUST_POLICIES } from '../core/trust/trust.js';
import { flag, group, key, listOf, mapOf, oneOf, text, textOr, wholeNumber, type ValueOf } from './shape.js';

/** Where OpenBMC keeps its keys (reference: phosphor-image-signing.bb). */
export const DEFAULT_KEYS = '/etc/activationdata';

/** Maximum of time limits, in seconds. */
const DAY_S = 24 * 60 * 60;

const PORT = String.raw`(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])`;
const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])`;

/** The text form of a listening address. Groups: scheme, host with port, path of a unix socket. */
export const LISTEN = new RegExp(`^(?:(?:(https?)://)?(${HOST}:${PORT})|unix:(/.+)|systemd)$`);

const path = text();

const TLS = group(
  {
    certificate: key('File of the certificate and its intermediate certificates, PEM.', path),
    key: key('File of the private key, PEM, not encrypted.', path),
  },
  {
    clientCertificates: key(
      'File of the authorities whose client certificates are accepted (mutual TLS), PEM.',
      path,
    ),
    roles: key(
      'Roles of client certificates, by the common name (CN) of their subject; other certificates have no role.',
      mapOf(oneOf(ROLES), 'a role for each common name'),
    ),
    clientCertificatesOnly: key('Refuse connections without such a certificate.', flag, false),
  },
  {
    roles: ['clientCertificates'],
    clientCertificates: ['roles'],
    clientCertificatesOnly: ['clientCertificates'],
  },
);

const LIMITS = group(
  {},
  {
    connections: key(
      'Open connections on each address; further ones are closed at once unless an idle one can be closed.',
      wholeNumber(1, 10_000),
      256,
    ),
    head: key(
      'Seconds within which the head of a request and the TLS handshake must be complete.',
      wholeNumber(1, 600, 'seconds'),
      10,
    ),
    headBytes: key('Largest head of a request, in bytes.', wholeNumber(1024, 65_536), 16_384),
    silence: key(
      'Seconds without a byte of a request body after which the request is aborted.',
      wholeNumber(1, DAY_S, 'seconds'),
      30,
    ),
  },
);

const UNIX_SOCKET = group(
  { unix: key('Path of the socket.', text(/^\//, 'an absolute path')) },
  {
    mode: key(
      'Permissions of the socket, octal: every process that can open the socket is accepted.',
      text(/^0?[0-7]{3}$/, 'an octal mode such as "0660"'),
      '0660',
    ),
    group: key('Group of the socket, by name or number.', text()),
    role: key(
      'Role of clients of the socket that send no credentials; "none": they need credentials too.',
      oneOf([...ROLES, 'none']),
      'Operator',
    ),
  },
);

const HTTP = group(
  {},
  {
    listen: key(
      'Where to listen: HOST:PORT or [IPV6]:PORT, optionally with http:// or https:// before it; unix:PATH; systemd, the sockets that systemd passes.',
      listOf(
        textOr(
          text(
            LISTEN,
            'HOST:PORT, [IPV6]:PORT, unix:/PATH, systemd, or an object { "unix": "/PATH", "mode": "0660" }',
          ),
          UNIX_SOCKET,
        ),
        'addresses',
      ),
      ['127.0.0.1:8080'],
    ),
    tls: key('Certificate and key. With them, addresses without http:// use TLS.', TLS),
    credentials: key(
      'File of tokens and users, made by `sluice credentials`. Without it a new token is written to STATE/token at each start.',
      path,
    ),
    allowWithoutCredentials: key(
      'What clients without credentials may do.',
      oneOf(['read', 'write'] as const),
    ),
    metricsWithoutCredentials: key('Answer /metrics without credentials.', flag, false),
    hostNames: key(
      'Host names of the service that requests without credentials may use, besides addresses and localhost.',
      listOf(text(), 'names'),
    ),
    plainTextBeyondLoopback: key(
      'Listen without TLS on addresses that other machines can reach.',
      flag,
      false,
    ),
    noCredentialsBeyondLoopback: key('Apply allowWithoutCredentials to other machines, too.', flag, false),
    limits: key('Limits for clients.', LIMITS),
    redfish: key('Offer the Redfish UpdateService under /redfish/v1.', flag, true),
    pullFrom: key(
      'Hosts that SimpleUpdate of Redfish may fetch from, also by redirects: names, addresses, *.example.org. Not given: any host.',
      listOf(text(), 'hosts'),
    ),
    page: key('Offer the status page at /.', flag, true),
  },
);

/** The configuration file. `write` and `verify` use the keys with the names of their options, `serve` most keys. */
export const CONFIG = group(
  {},
  {
    $schema: key('URL or path of this schema, for editors.', text()),
    flash: key(
      'The flash to write: sim:PATH, mtd:, mtd:NAME, ubi:, ubi:NAME, block:PATH, block:NAME=PATH.',
      text(),
    ),
    keys: key('Folder of the trusted keys: <KeyType>/{publickey,hashfunc}.', path, DEFAULT_KEYS),
    machine: key(
      'Which machine this is; "any" if it does not matter. Else OPENBMC_TARGET_MACHINE of os-release.',
      text(),
    ),
    only: key('Partitions to write; for write and verify only.', listOf(text(), 'names')),
    forceMounted: key('Partitions to write even if they are in use.', listOf(text(), 'names')),
    trust: key(
      'When bytes may touch flash, if a request does not say.',
      oneOf(TRUST_POLICIES),
      'before-erase',
    ),
    weakestTrust: key(
      'The weakest policy that a sender may ask for.',
      oneOf(TRUST_POLICIES),
      'before-commit',
    ),
    minimumVersion: key('Refuse bundles that are older.', text()),
    minimumSecurityVersion: key('Refuse bundles with a lower security version.', wholeNumber(0)),
    state: key(
      'Folder for journal, audit log, receipts and the token; for write also mtd:NAME, ubi:NAME or none. Else $STATE_DIRECTORY, else /var/lib/sluice.',
      path,
    ),
    resumeLimit: key(
      'Sessions in a row without progress after which an update is given up; 0: no limit.',
      wholeNumber(0, 999_999),
      10,
    ),
    resumeWithin: key(
      'Seconds for which an interrupted upload may be resumed; 0: never.',
      wholeNumber(0, DAY_S, 'seconds'),
      60,
    ),
    idleExit: key(
      'Seconds without a connection or a job after which the service exits, to be started again by its socket; 0: never. Not given: 300 with the sockets of systemd, else never.',
      wholeNumber(0, DAY_S, 'seconds'),
    ),
    http: key('The HTTP service.', HTTP),
  },
);

/** A configuration file. */
export type Config = ValueOf<typeof CONFIG>;
export type HttpConfig = ValueOf<typeof HTTP>;
export type ListenConfig = NonNullable<HttpConfig['listen']>[number];

/** The JSON schema of the configuration file. */
export function configSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of sluice',
    ...CONFIG.schema,
  };
}
