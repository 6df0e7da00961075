import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';

/** A server on loopback for the files of one folder; the guest reaches it by the emulated network. */
export class Site {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(folder: string): Promise<Site> {
    const server = createServer((request, response) => {
      const path = join(folder, basename(request.url ?? ''));
      let size: number;
      try {
        size = statSync(path).size;
      } catch {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-length': size });
      if (request.method === 'HEAD') response.end();
      else
        createReadStream(path)
          .on('error', () => response.destroy())
          .pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Site(server);
  }

  /** Its address as QEMU's user network has it: the guest's 10.0.2.2 is this machine's loopback. */
  get guestUrl(): string {
    return `http://10.0.2.2:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
