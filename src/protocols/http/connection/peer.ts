import type { IncomingMessage } from 'node:http';

/**
 * The key by which connections are counted as one client: an IPv4 address, the first 64 bits of an IPv6 address (a host
 * has all addresses of that prefix), or `local` for all unix sockets.
 */
export function peerOf({ socket }: IncomingMessage): string {
  const { remoteAddress: address } = socket;
  return address === undefined ? 'local' : peerOfAddress(address);
}

export function peerOfAddress(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}
