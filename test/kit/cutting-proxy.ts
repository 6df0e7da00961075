/** A TCP proxy that cuts connections where the test says, and counts what went through. */
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { Test } from 'tap';

export interface CuttingProxy {
  readonly port: number;
  /** Bytes that clients have sent through it, over all connections. */
  readonly sent: number;
  readonly connections: number;
}

/**
 * @param cuts - bytes from a client after which its connection is reset, for one connection after the other that has
 *   so many; `answer` cuts when the service begins to answer a body of more than 64 KiB
 */
export async function cuttingProxy(
  t: Test,
  port: number,
  cuts: readonly (number | 'answer')[],
): Promise<CuttingProxy> {
  const left = [...cuts];
  let sent = 0;
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    connections++;
    const service = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let here = 0;
    const cut = (): void => {
      left.shift();
      client.resetAndDestroy();
      service.resetAndDestroy();
    };
    client.on('error', () => service.destroy());
    service.on('error', () => client.destroy());
    client.on('data', (bytes: Buffer) => {
      sent += bytes.length;
      here += bytes.length;
      if (!service.write(bytes)) {
        client.pause();
        service.once('drain', () => client.resume());
      }
      const [next] = left;
      if (typeof next === 'number' && here >= next) cut();
    });
    service.on('data', (bytes: Buffer) => {
      if (left[0] === 'answer' && here > 65_536 && !bytes.includes('100 Continue')) return cut();
      return void client.write(bytes);
    });
    client.on('end', () => service.end());
    service.on('end', () => client.end());
    client.on('close', () => service.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return {
    port: (server.address() as AddressInfo).port,
    get sent() {
      return sent;
    },
    get connections() {
      return connections;
    },
  };
}
