/** `sluice serve` behind an activator, as sluice.socket and sluice.service run it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { makeBoard, type Board } from '../../system/board.js';
import { scratch } from '../../system/stock-bundle.js';
import { bundleBytes, generateBundle } from '../generated-bundle.js';
import { LAUNCHER } from '../serve-kit.js';
import { activate, type Activator } from './activator.js';
import { writeKeyStore } from '../keys.js';

export interface SiteOptions {
  /** Arguments of `sim create`. */
  readonly sim?: readonly string[];
  /** Keys of the configuration. */
  readonly config?: object;
  /** Milliseconds. @default 0, none */
  readonly watchdog?: number;
}

/** A service that runs when somebody connects. */
export interface Site extends Activator {
  readonly board: Board;
  /** Path of a bundle that changes `blocks` erase blocks of the kernel. */
  bundle(blocks: number): string;
  /** The token of the service, which has to have run once. */
  readonly token: string;
}

/** The service with a simulated chip, ready to be started by a connection; sockets and program go with the test. */
export async function site(t: Test, { sim = [], config = {}, watchdog = 0 }: SiteOptions): Promise<Site> {
  const dir = scratch(t);
  const board = await makeBoard(dir, sim);
  writeKeyStore(board.keys, 'Generated');
  const file = join(dir, 'config.json');
  const state = join(dir, 'state');
  const basic = { flash: `sim:${board.chip}`, keys: board.keys, machine: 'quanta-q71l', state };
  writeFileSync(file, JSON.stringify({ ...basic, http: { listen: ['systemd'] }, ...config }));
  const activator = await activate(t, { dir, command: [LAUNCHER, 'serve', '--config', file], watchdog });
  return Object.defineProperties(activator, {
    board: { value: board },
    bundle: {
      value: (blocks: number) => {
        const path = join(dir, 'bundle.tar');
        writeFileSync(
          path,
          bundleBytes(generateBundle({ images: [{ name: 'kernel', size: blocks * 65_536 }] })),
        );
        return path;
      },
    },
    token: { get: () => readFileSync(join(state, 'token'), 'utf8').trim() },
  }) as Site;
}

/** Milliseconds of the monotonic clock, as the activator counts them. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export interface Got {
  readonly text: string;
  /** Milliseconds from the first step of connecting to the first byte that came back. */
  readonly first: number;
}

/** One request for the health of the service. */
export function ask(to: number | string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const began = now();
    const socket = typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
    let text = '';
    let first = 0;
    socket.on('connect', () => socket.write('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    socket.on('data', (bytes) => {
      first ||= now() - began;
      text += bytes.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ text, first }));
  });
}

export const isHealthy = ({ text }: Got): boolean => text.startsWith('HTTP/1.1 200 ');

/** Milliseconds that an empty program of node takes: what the machine is worth at this moment. */
export function emptyNode(): number {
  const began = now();
  execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, '-e', '']);
  return now() - began;
}
