import { Socket, type ConnectOpts, type SocketConstructorOpts } from 'node:net';
import { SluiceError } from '../../../core/errors.js';
import type { Abort } from '../../../core/platform.js';
import { HeapTrimmer } from '../memory/heap.js';
import type { Source, Take } from './source.js';
import { systemFailure } from '../../../core/system-reason.js';

/** Bytes of one read: what a socket of Linux gives at once, and no more than an erase block. */
const READ_SIZE = 64 * 1024;

/**
 * Standard input that is a socket: what ssh, inetd and every Node program give to a child. It is read by the
 * event loop into one buffer; a thread that waited in `read` could not be called back when the sender is silent.
 */
export class SocketSource implements Source {
  readonly name: string;
  readonly size = null;
  readonly rereadable = false;
  readonly #fd: number;
  readonly #scavenger = new HeapTrimmer();
  #socket: Socket | null = null;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
  }

  async pump(take: Take, { signal, until }: { signal?: Abort; until?: () => boolean } = {}): Promise<void> {
    const watched = signal instanceof AbortSignal ? signal : undefined;
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(new SluiceError('ERR_SESSION_INTERRUPTED', 'stopped while waiting for data'));
      if (watched?.aborted === true) return stop();
      watched?.addEventListener('abort', stop, { once: true });
      const options: SocketConstructorOpts & ConnectOpts = {
        fd: this.#fd,
        readable: true,
        writable: false,
        onread: {
          buffer: new Uint8Array(READ_SIZE),
          // Not read on until the bytes are taken: the kernel holds the sender back.
          callback: (count, buffer) => {
            take(buffer.subarray(0, count)).then(() => {
              if (until?.() === true) return resolve();
              this.#scavenger.consumed(count);
              socket.resume();
              return undefined;
            }, reject);
            return false;
          },
        },
      };
      const socket = new Socket(options);
      this.#socket = socket;
      socket.on('end', resolve);
      socket.on('error', (cause) =>
        reject(systemFailure('ERR_SOURCE_UNREADABLE', `cannot read ${this.name}`, cause)),
      );
      socket.resume();
      return undefined;
    }).finally(() => this.#socket?.pause());
  }

  close(): void {
    this.#socket?.destroy();
  }
}
