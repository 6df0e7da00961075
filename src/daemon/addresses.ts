import { isIP } from 'node:net';
import { SluiceError } from '../core/errors.js';
import { ROLES } from '../service/roles.js';
import type { ListenerContext } from '../protocols/http/exchange.js';
import { LISTEN, type ListenConfig } from '../config/keys.js';
import { tooLong } from '../host/node/fs/unix-path.js';

/** What is to be listened on. */
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

/** What of the configuration decides where may be listened. */
export interface Permission {
  /** Whether somebody may do something without credentials. */
  readonly open: boolean;
  readonly plainTextBeyondLoopback: boolean;
  readonly noCredentialsBeyondLoopback: boolean;
}

/**
 * @param entry - as the configuration has it, or one of those that --http names
 * @param tls - whether there is a certificate
 * @throws SluiceError ERR_USAGE_LISTEN
 */
export function addressOf(entry: ListenConfig, tls: boolean): Address {
  if (typeof entry !== 'string') {
    const { unix, mode = '0660', group = null, role: name = 'Operator' } = entry;
    const long = tooLong(unix);
    if (long !== null) throw refusal(long);
    const role = ROLES.find((known) => known === name) ?? null;
    return { kind: 'unix', path: unix, mode: Number.parseInt(mode, 8), group, role };
  }
  const [all, scheme, at, path] = LISTEN.exec(entry) ?? [];
  if (all === undefined) {
    throw refusal(`${entry} cannot be listened on; give HOST:PORT, [IPV6]:PORT, unix:/PATH or systemd`);
  }
  if (path !== undefined) return addressOf({ unix: path }, tls);
  if (at === undefined) return { kind: 'systemd', tls };
  if (scheme === 'https' && !tls) {
    throw refusal(`${entry} is to speak TLS, and the configuration has no http.tls`);
  }
  const colon = at.lastIndexOf(':');
  const host = at.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return {
    kind: 'tcp',
    host,
    port: Number(at.slice(colon + 1)),
    tls: scheme === undefined ? tls : scheme === 'https',
  };
}

/** An address with the host's name turned into a number. @throws SluiceError ERR_USAGE_LISTEN */
export async function resolved(address: Address): Promise<Address> {
  if (address.kind !== 'tcp' || isIP(address.host) !== 0) return address;
  try {
    const { lookup } = await import('node:dns/promises');
    const { address: host } = await lookup(address.host);
    return { ...address, host };
  } catch (cause) {
    throw new SluiceError('ERR_USAGE_LISTEN', `no address of this machine is called ${address.host}`, {
      cause,
    });
  }
}

/**
 * Whether other machines can connect to it and the configuration does not say that they may.
 * @param host - a number
 * @returns what is wrong; null when nothing is
 */
export function objection(host: string, tls: boolean, permission: Permission): string | null {
  if (isLoopback(host)) return null;
  const lacks = [];
  if (!tls && !permission.plainTextBeyondLoopback) {
    lacks.push(
      'without TLS (give http.tls, or say "plainTextBeyondLoopback": true in http of the configuration)',
    );
  }
  if (permission.open && !permission.noCredentialsBeyondLoopback) {
    lacks.push(
      'without credentials (take http.allowWithoutCredentials away, or say "noCredentialsBeyondLoopback": true there)',
    );
  }
  return lacks.length === 0 ? null : `${host} can be reached from other machines, ${lacks.join(' and ')}`;
}

/** Whether only this machine can connect to an address. */
export function isLoopback(host: string): boolean {
  return /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(host) || host === '::1';
}

export const refusal = (message: string): SluiceError => new SluiceError('ERR_USAGE_LISTEN', message);
