import { EXIT } from '../core/errors.js';
import type { UpdateService } from '../service/update-service.js';
import type { Listener } from './listener.js';

/**
 * Stops a service: it accepts nothing new, stops an update between two flash operations, and answers its client with the
 * receipt.
 * @returns the exit code; EXIT.interrupted if the update must be repeated
 */
export async function stopService(
  listeners: readonly Listener[],
  service: Pick<UpdateService, 'job' | 'lastOutcome' | 'close'>,
): Promise<number> {
  const { job } = service;
  let setIdle: () => void = () => {};
  const idle = new Promise<void>((resolve) => {
    setIdle = resolve;
  });
  const closed = listeners.map((listener) => listener.close(idle));
  await service.close();
  setIdle();
  await Promise.all(closed);
  if (job?.kind !== 'update') return EXIT.done;
  const { lastOutcome: outcome } = service;
  // An update without an outcome has not ended.
  return outcome === null || outcome === 'interrupted' ? EXIT.interrupted : EXIT.done;
}
