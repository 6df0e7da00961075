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
  service: Pick<UpdateService, 'job' | 'receipts' | 'close'>,
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
  const outcome = service.receipts.read(job.id)?.receipt.outcome;
  // A receipt that could not be kept does not show that its update has ended.
  return outcome === undefined || outcome === 'interrupted' ? EXIT.interrupted : EXIT.done;
}
