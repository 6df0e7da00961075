import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenerContext } from '../protocols/http/exchange.js';
import { systemFailure } from '../core/system-reason.js';
import type { HttpService } from '../protocols/http/http-service.js';
import { objection, refusal, resolved, type Address, type Permission } from './addresses.js';
import { HttpListener } from './http-listener.js';
import type { Listener } from './listener.js';
import { listenUnix, requireGuarded } from './unix-socket.js';

/** Options of `listen`. */
export interface ListenOptions {
  readonly http: HttpService;
  readonly permission: Permission;
  /** Makes a TLS server; called only if an address needs one. */
  readonly tlsServer: () => Server;
}

/** Role of clients of a unix socket from systemd. SocketMode= of its unit decides which processes can connect. */
const INHERITED_ROLE = 'Operator';

/**
 * Listens on all addresses. If one fails, closes the others.
 * @throws SluiceError ERR_USAGE_LISTEN
 */
export async function listen(addresses: readonly Address[], options: ListenOptions): Promise<Listener[]> {
  const all = await Promise.all(addresses.map(resolved));
  const objections = all.flatMap((address) =>
    address.kind === 'tcp' ? (objection(address.host, address.tls, options.permission) ?? []) : [],
  );
  if (objections.length > 0) throw refusal(objections.join('; '));
  const listeners: Listener[] = [];
  try {
    for (const address of all) for await (const listener of open(address, options)) listeners.push(listener);
  } catch (thrown) {
    for (const listener of listeners) void listener.close(Promise.resolve());
    throw thrown;
  }
  return listeners;
}

async function* open(address: Address, options: ListenOptions): AsyncGenerator<Listener, void> {
  if (address.kind === 'systemd') return yield* inherited(address.tls, options);
  if (address.kind === 'unix') {
    const { role, path } = address;
    const server = options.http.server({ kind: 'unix', tls: false, role });
    await listenUnix(server, address);
    return yield new HttpListener(server, options.http, `unix:${path}`);
  }
  const server = address.tls ? options.tlsServer() : options.http.server();
  try {
    // A dual-stack socket would listen on an IPv4 address that was not requested.
    server.listen({ host: address.host, port: address.port, ipv6Only: address.host.includes(':') });
    await once(server, 'listening');
  } catch (cause) {
    throw systemFailure('ERR_USAGE_LISTEN', `cannot listen on ${address.host}, port ${address.port}`, cause);
  }
  yield new HttpListener(server, options.http, nameOf(server, address.tls));
}

async function* inherited(tls: boolean, options: ListenOptions): AsyncGenerator<Listener, void> {
  const { inheritedSockets } = await import('../host/node/systemd/listen-fds.js');
  const sockets = inheritedSockets(process.env, process.pid);
  if (sockets.length === 0) throw refusal('systemd has passed no socket');
  for (const { fd } of sockets) {
    const context: { -readonly [P in keyof ListenerContext]: ListenerContext[P] } = {
      kind: 'tcp',
      tls: false,
      role: null,
    };
    const server = tls ? options.tlsServer() : options.http.server(context);
    try {
      server.listen({ fd });
      await once(server, 'listening');
      const at = server.address();
      // Node reports no address of an inherited unix socket. Nothing is accepted before this is set.
      if (at !== null) requireAllowed(at as AddressInfo, tls, options.permission);
      else if (!tls) {
        requireGuarded(fd);
        Object.assign(context, { kind: 'unix', role: INHERITED_ROLE });
      }
    } catch (cause) {
      server.close();
      throw systemFailure('ERR_USAGE_LISTEN', `cannot listen on inherited descriptor ${fd}`, cause);
    }
    yield new HttpListener(server, options.http, nameOf(server, tls));
  }
}

function requireAllowed({ address }: AddressInfo, tls: boolean, permission: Permission): void {
  const wrong = objection(address, tls, permission);
  if (wrong !== null) throw refusal(wrong);
}

function nameOf(server: Server, tls: boolean): string {
  const at = server.address();
  if (at === null || typeof at === 'string') return `unix:${at ?? ''}`;
  const { address, port } = at as AddressInfo;
  return `${tls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
