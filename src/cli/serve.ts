import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadKeys } from '../board/node-keys.js';
import { nodePlatform } from '../board/node-platform.js';
import { SluiceError } from '../errors.js';
import { openFlash } from '../flash/open.js';
import { digestOf } from '../ingress/http/auth/credentials.js';
import { Gate } from '../ingress/http/auth/gate.js';
import type { Gatekeeper } from '../ingress/http/exchange.js';
import { HTTP_LIMITS, HttpService } from '../ingress/http/http-service.js';
import { HttpTally } from '../ingress/http/tally.js';
import { watchRoutes } from '../ingress/http/watch-routes.js';
import { v1Routes } from '../ingress/http/v1.js';
import { ReceiptStore } from '../ingress/service/receipts.js';
import { UpdateService } from '../ingress/service/update-service.js';
import { TrustChain } from '../trust/chain.js';
import { UnsignedTrust } from '../trust/unsigned.js';
import type { Command, Invocation } from './command.js';
import { readConfig } from './config.js';
import { DEFAULT_KEYS, guardOf, JOB_OPTIONS, policyOf } from './job-options.js';
import { note } from './print.js';
import { Supervision } from './serve/supervision.js';
import { stopSignal } from './stop-signal.js';

const { flash, keys, machine, trust, config } = JOB_OPTIONS as Record<string, (typeof JOB_OPTIONS)[string]>;

/** Milliseconds without anything to do after which a service that systemd starts on demand ends. */
const IDLE_EXIT = Number(process.env['SLUICE_IDLE_EXIT'] ?? 300) * 1000;

export const command: Command = {
  name: 'serve',
  usage: 'serve --flash ADDRESS [options]',
  summary: 'take updates over HTTP and Redfish, with a status page',
  description: `Listens for updates, streams each one into the flash as \`sluice write\` does, and tells how far it is.`,
  examples: ['sluice serve --flash sim:chip.bin --keys keys --machine quanta-q71l'],
  options: {
    flash: flash!,
    keys: keys!,
    machine: machine!,
    trust: trust!,
    http: {
      value: 'HOST:PORT',
      help: 'where to listen (default 127.0.0.1:8080); systemd: on the sockets that it hands over',
    },
    state: { value: 'DIR', help: 'where receipts and credentials are kept' },
    config: config!,
  },
  arity: [0, 0],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const path = invocation.option('config');
  const settings = path === undefined ? {} : readConfig(path);
  const address = invocation.option('flash') ?? settings.flash;
  if (address === undefined) throw new SluiceError('ERR_USAGE_OPTION', '--flash is missing');
  const guard = guardOf(invocation, settings);
  const folder = invocation.option('keys') ?? settings.keys ?? DEFAULT_KEYS;
  const state = invocation.option('state') ?? process.env['STATE_DIRECTORY'] ?? '/var/lib/sluice';
  const forceMounted = settings.forceMounted ?? [];
  const platform = await nodePlatform();
  await loadKeys(folder, platform);
  const service = await UpdateService.open({
    platform,
    open: (options) => openFlash(address, { ...options, forceMounted }),
    trust: async (policy, only) =>
      policy === 'unsigned'
        ? new UnsignedTrust(guard)
        : new TrustChain(platform, await loadKeys(folder, platform), guard, {
            only: only?.map((name) => `image-${name}`) ?? null,
          }),
    policy: policyOf(invocation.option('trust') ?? settings.trust ?? 'before-erase'),
    weakest: 'before-commit',
    forceMounted,
    machine: guard.machine,
    receipts: new ReceiptStore(state),
    resumeWithin: 60_000,
    log: (_level, message, error) => note(`sluice: ${message}: ${String(error)}`),
  });
  const tally = new HttpTally();
  const http = new HttpService(
    [
      ...v1Routes(service, { silence: HTTP_LIMITS.silence }),
      ...watchRoutes(service, { tally, openMetrics: false }),
    ],
    freshToken(state),
    HTTP_LIMITS,
    (message, error) => note(`sluice: ${message}: ${String(error)}`),
  );
  const servers = [];
  const at = invocation.option('http') ?? '127.0.0.1:8080';
  const inherited = at === 'systemd';
  if (inherited) {
    const { inheritedSockets } = await import('../board/systemd/listen-fds.js');
    const sockets = inheritedSockets(process.env, process.pid);
    if (sockets.length === 0) throw new SluiceError('ERR_USAGE_LISTEN', 'systemd has handed no socket over');
    for (const { fd } of sockets) servers.push(http.server().listen({ fd }));
  } else {
    const [host = '', port = ''] = at.split(/:(?=\d+$)/);
    servers.push(http.server().listen(Number(port), host));
  }
  for (const server of servers) {
    await once(server, 'listening');
    note(`sluice: listening on ${JSON.stringify(server.address())}`);
  }
  const supervision = await Supervision.begin({
    service,
    servers,
    idleExit: inherited ? IDLE_EXIT : null,
    log: (message) => note(`sluice: ${message}`),
  });
  const signal = stopSignal(true);
  if (!signal.aborted) await Promise.race([once(signal, 'abort'), supervision.idle]);
  for (const server of servers) server.close();
  await supervision.stop(service.close());
  for (const server of servers) server.closeAllConnections();
  return 0;
}

function freshToken(state: string): Gatekeeper {
  mkdirSync(state, { recursive: true });
  const token = randomBytes(24).toString('base64url');
  const file = join(state, 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  const tokens = [{ name: 'token', role: 'Administrator', digest: digestOf(token) }] as const;
  const credentials = { users: new Map(), tokens };
  return new Gate({
    credentials: () => credentials,
    open: null,
    names: [],
    certificates: new Map(),
    local: null,
    now: () => performance.now(),
  });
}
