import { Socket, type ConnectOpts, type SocketConstructorOpts } from 'node:net';
import { SluiceError } from '../../../core/errors.js';
import type { Abort } from '../../../core/platform.js';
import { HeapTrimmer } from '../memory/heap.js';
import type { Source, Take } from './source.js';
import { systemFailure } from '../../../core/system-reason.js';

/** Bytes of one read: at most an erase block. */
const READ_SIZE = 64 * 1024;

/**
 * Standard input that is a socket, as from ssh, inetd and Node programs. The event loop reads it into one buffer; a
 * thread that waits in `read` for a silent sender could not be woken.
 */
export class SocketSource implements Source {
  readonly name: string;
  readonly size = null;
  readonly rereadable = false;
  readonly #fd: number;
  readonly #trimmer = new HeapTrimmer();
  #socket: Socket | null = null;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
  }

  async pump(take: Take, { signal, until }: { signal?: Abort; until?: () => boolean } = {}): Promise<void> {
    const watched = signal instanceof AbortSignal ? signal : undefined;
    await new Promise<void>((resolve, reject) => {
      const stop = () =>
        reject(new SluiceError('ERR_SESSION_INTERRUPTED', 'interrupted while waiting for data'));
      if (watched?.aborted === true) return stop();
      watched?.addEventListener('abort', stop, { once: true });
      const options: SocketConstructorOpts & ConnectOpts = {
        fd: this.#fd,
        readable: true,
        writable: false,
        onread: {
          buffer: new Uint8Array(READ_SIZE),
          // false: stops reading until the bytes are taken, so that the sender has to wait.
          callback: (count, buffer) => {
            take(buffer.subarray(0, count)).then(() => {
              if (until?.() === true) return resolve();
              this.#trimmer.consumed(count);
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
        reject(systemFailure('ERR_SOURCE_UNREADABLE', `${this.name} cannot be read`, cause)),
      );
      socket.resume();
      return undefined;
    }).finally(() => this.#socket?.pause());
  }

  close(): void {
    this.#socket?.destroy();
  }
}
