import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { asSluiceError } from '../core/errors.js';
import { HttpService } from '../protocols/http/http-service.js';
import { HttpCounters } from '../protocols/http/counters.js';
import type { Command } from './command.js';
import { JOB_OPTIONS } from '../config/job-options.js';
import { stdout } from './output.js';
import { note } from './print.js';
import { makeGate } from '../daemon/gate.js';
import type { Listener } from '../daemon/listener.js';
import { listen } from '../daemon/listeners.js';
import { routesOf } from '../daemon/routes.js';
import { settingsOf, type ServeSettings } from '../daemon/settings.js';
import { StateFolder } from '../daemon/state-folder.js';
import { stopService } from '../daemon/stop.js';
import { Supervision } from '../daemon/supervision.js';
import type { TlsFiles } from '../daemon/tls.js';
import { openUpdateService } from '../daemon/update-service.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';
import { STATE_OPTIONS } from '../config/state-options.js';

const { flash, keys, machine, trust } = JOB_OPTIONS as Record<string, (typeof JOB_OPTIONS)[string]>;

/** File descriptor of standard error. */
const STDERR = 2;

/** Milliseconds without work after which a socket-activated service exits. */
const IDLE_EXIT = 300_000;

export const command: Command = {
  name: 'serve',
  usage: 'serve --flash ADDRESS [options]',
  summary: 'take updates over HTTP and Redfish, with a status page',
  description: `Listens for updates, streams each update into the flash as \`sluice write\` does, and reports its progress.

Clients need credentials. Without a credentials file (\`sluice credentials\`) there is one token, new at each start,
in the file \`token\` of the state folder. Other machines can connect only if the configuration allows it:
docs/service.md describes the configuration, docs/sluice.schema.json has every key.`,
  examples: [
    'sluice serve --flash sim:chip.bin --keys keys --machine quanta-q71l --state state',
    'curl -T bundle.tar -H "Authorization: Bearer $(cat state/token)" http://127.0.0.1:8080/v1/update',
    'sluice serve --config /etc/sluice.json',
    'sluice serve --flash mtd: --http 127.0.0.1:8080,unix:/run/sluice/http.sock',
  ],
  options: {
    flash: flash!,
    keys: keys!,
    machine: machine!,
    trust: trust!,
    http: {
      value: 'ADDRESSES',
      help: 'where to listen: HOST:PORT, [IPV6]:PORT, unix:/PATH, or systemd for the sockets\nthat it hands over; a comma between several (default 127.0.0.1:8080)',
    },
    state: {
      value: 'DIR',
      help: 'where journal, audit log, receipts and the token are kept\n(default $STATE_DIRECTORY, else /var/lib/sluice)',
    },
    'resume-limit': STATE_OPTIONS['resume-limit']!,
    config: { value: 'FILE', help: 'JSON with all of this and more; options take precedence' },
  },
  arity: [0, 0],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const settings = settingsOf(invocation);
  const state = new StateFolder(settings.state, process.env);
  try {
    return await serve(invocation, settings, state);
  } finally {
    state.release();
  }
}

async function serve(invocation: Invocation, settings: ServeSettings, state: StateFolder): Promise<number> {
  const { addresses, http: config, limits } = settings;
  if (settings.guard.machine === null) {
    log('updates are refused until --machine, or "machine" in the configuration, names this machine');
  }
  const onDemand = addresses.some(({ kind }) => kind === 'systemd');
  // While the service is stopped, another program could bind an address that systemd does not hold and receive the token.
  const keepToken = addresses.every(({ kind }) => kind === 'systemd');
  const idleExit = settings.idleExit === undefined ? (onDemand ? IDLE_EXIT : null) : settings.idleExit;
  const { gate, publish } = makeGate({ http: config, state, keepToken, log });
  const tlsFiles = await tlsFilesOf(settings);
  const service = await openUpdateService(settings, state.path, (_level, message, error) =>
    log(message, error),
  );
  const counters = new HttpCounters();
  const mounts = routesOf(service, { config, limits, gate, counters });
  const http = new HttpService(mounts, gate, limits, log, counters);
  // SIGHUP from a closed terminal means stop; otherwise it means read the files again.
  const terminal = await isTerminal(STDERR);
  if (!terminal) process.on('SIGHUP', () => tlsFiles?.reload());
  const signal = stopSignal(true, terminal ? undefined : ['SIGINT', 'SIGTERM']);
  const listeners = await listen(addresses, {
    http,
    permission: {
      open: config.allowWithoutCredentials !== undefined,
      plainTextBeyondLoopback: config.plainTextBeyondLoopback === true,
      noCredentialsBeyondLoopback: config.noCredentialsBeyondLoopback === true,
    },
    tlsServer: () => (tlsFiles as TlsFiles).server(http, limits.head),
  });
  publish();
  announce(listeners, invocation.has('json'));
  const supervision = await Supervision.begin({
    service,
    listeners,
    idleExit,
    log: (message) => log(message),
  });
  if (!signal.aborted) await Promise.race([once(signal, 'abort'), supervision.idle]);
  const stopped = stopService(listeners, service);
  await supervision.stop(stopped);
  return await stopped;
}

/** One line per listener, once all accept connections; in one write, so that a reader of one line has them all. */
function announce(listeners: readonly Listener[], json: boolean): void {
  if (json) {
    stdout().write(listeners.map(({ address }) => `${JSON.stringify({ listening: address })}\n`).join(''));
  }
  note(...listeners.map(({ address }) => `sluice: listening on ${address}`));
}

/** Loaded only if there is a certificate. */
async function tlsFilesOf({ http: { tls } }: ServeSettings): Promise<TlsFiles | null> {
  if (tls === undefined) return null;
  const { TlsFiles } = await import('../daemon/tls.js');
  return new TlsFiles(tls, log);
}

/** The module is loaded only for a character device: when systemd starts the service, it is a socket. */
async function isTerminal(fd: number): Promise<boolean> {
  return fstatSync(fd).isCharacterDevice() && (await import('node:tty')).isatty(fd);
}

function log(message: string, error?: unknown): void {
  note(`sluice: ${message}${error === undefined ? '' : `: ${asSluiceError(error).message}`}`);
}
