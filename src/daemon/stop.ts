import { EXIT } from '../core/errors.js';
import type { UpdateService } from '../service/update-service.js';
import type { Listener } from './listener.js';

/**
 * Stops a service: nothing new is accepted, an update is stopped between two flash operations, and its sender gets the
 * receipt.
 * @returns the exit code: whether an update is left to be resumed
 */
export async function stopService(
  listeners: readonly Listener[],
  service: Pick<UpdateService, 'job' | 'lastOutcome' | 'close'>,
): Promise<number> {
  const { job } = service;
  let rested: () => void = () => {};
  const rest = new Promise<void>((resolve) => {
    rested = resolve;
  });
  const closed = listeners.map((listener) => listener.close(rest));
  await service.close();
  rested();
  await Promise.all(closed);
  if (job?.kind !== 'update') return EXIT.done;
  const { lastOutcome: outcome } = service;
  // An update without an outcome has not come to its end.
  return outcome === null || outcome === 'interrupted' ? EXIT.interrupted : EXIT.done;
}
