import { isIP } from 'node:net';
import { SluiceError } from '../core/errors.js';
import { ROLES } from '../service/roles.js';
import type { ListenerContext } from '../protocols/http/exchange.js';
import { LISTEN, type ListenConfig } from '../config/keys.js';
import { tooLong } from '../host/node/fs/unix-path.js';

/** A listening address. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean }
  | {
      readonly kind: 'unix';
      readonly path: string;
      readonly mode: number;
      readonly group: string | null;
      readonly role: ListenerContext['role'];
    }
  | { readonly kind: 'systemd'; readonly tls: boolean };

/** Settings that decide which addresses are allowed. */
export interface Permission {
  /** Whether clients without credentials are allowed to do anything. */
  readonly open: boolean;
  readonly plainTextBeyondLoopback: boolean;
  readonly noCredentialsBeyondLoopback: boolean;
}

/**
 * Parses an address.
 * @param entry - of the configuration or of --http
 * @param tls - whether there is a certificate
 * @throws SluiceError ERR_USAGE_LISTEN
 */
export function addressOf(entry: ListenConfig, tls: boolean): Address {
  if (typeof entry !== 'string') {
    const { unix, mode = '0660', group = null, role: name = 'Operator' } = entry;
    const long = tooLong(unix);
    if (long !== null) throw refusal(long);
    const role = ROLES.find((known) => known === name) ?? null;
    const bits = Number.parseInt(mode, 8);
    if ((bits & 0o002) !== 0 && entry.role === undefined) {
      throw refusal(
        `mode ${mode} lets everybody connect to unix:${unix}; say which "role" they have, or "none"`,
      );
    }
    return { kind: 'unix', path: unix, mode: bits, group, role };
  }
  const [all, scheme, hostAndPort, path] = LISTEN.exec(entry) ?? [];
  if (all === undefined) {
    throw refusal(`${entry} is not a listening address; use HOST:PORT, [IPV6]:PORT, unix:/PATH or systemd`);
  }
  if (path !== undefined) return addressOf({ unix: path }, tls);
  if (hostAndPort === undefined) return { kind: 'systemd', tls };
  if (scheme === 'https' && !tls) {
    throw refusal(`${entry} needs TLS, but the configuration has no http.tls`);
  }
  const colon = hostAndPort.lastIndexOf(':');
  const host = hostAndPort.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return {
    kind: 'tcp',
    host,
    port: Number(hostAndPort.slice(colon + 1)),
    tls: scheme === undefined ? tls : scheme === 'https',
  };
}

/** The address with its host name resolved. @throws SluiceError ERR_USAGE_LISTEN */
export async function resolved(address: Address): Promise<Address> {
  if (address.kind !== 'tcp' || isIP(address.host) !== 0) return address;
  try {
    const { lookup } = await import('node:dns/promises');
    const { address: host } = await lookup(address.host);
    return { ...address, host };
  } catch (cause) {
    throw new SluiceError('ERR_USAGE_LISTEN', `host name ${address.host} cannot be resolved`, {
      cause,
    });
  }
}

/**
 * Checks that an address which other machines can reach is allowed by the configuration.
 * @param host - an IP address
 * @returns what is wrong; null if nothing
 */
export function objection(host: string, tls: boolean, permission: Permission): string | null {
  if (isLoopback(host)) return null;
  const problems = [];
  if (!tls && !permission.plainTextBeyondLoopback) {
    problems.push(
      'without TLS (set http.tls, or "plainTextBeyondLoopback": true in http of the configuration)',
    );
  }
  if (permission.open && !permission.noCredentialsBeyondLoopback) {
    problems.push(
      'without credentials (remove http.allowWithoutCredentials, or set "noCredentialsBeyondLoopback": true)',
    );
  }
  return problems.length === 0
    ? null
    : `${host} can be reached from other machines, ${problems.join(' and ')}`;
}

/** Whether only this machine can reach an address. */
function isLoopback(host: string): boolean {
  return /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(host) || host === '::1';
}

export const refusal = (message: string): SluiceError => new SluiceError('ERR_USAGE_LISTEN', message);
