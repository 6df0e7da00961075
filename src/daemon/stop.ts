import type { Server } from 'node:http';
import { EXIT } from '../core/errors.js';
import type { HttpService } from '../protocols/http/http-service.js';
import type { UpdateService } from '../service/update-service.js';

/** Milliseconds that senders get to read their last answer. */
const LAST_ANSWERS = 3000;

/**
 * Stops a service: nothing new is taken, an update is stopped between two flash operations, and its sender gets the
 * receipt.
 * @returns the exit code: whether an update is left to be resumed
 */
export async function stopService(
  servers: readonly Server[],
  http: HttpService,
  service: UpdateService,
): Promise<number> {
  const closed = Promise.all(servers.map(close));
  http.endConnections();
  const { job } = service;
  await service.close();
  http.endStreams();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_ANSWERS);
  });
  await Promise.race([closed, late]);
  clearTimeout(timer);
  for (const server of servers) server.closeAllConnections();
  if (job?.kind !== 'update') return EXIT.done;
  const outcome = service.receipts.read(job.id)?.receipt.outcome;
  // One whose receipt could not be kept is not known to have come to its end.
  return outcome === undefined || outcome === 'interrupted' ? EXIT.interrupted : EXIT.done;
}

/** Accepts nothing more; resolves when the last connection is gone. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
