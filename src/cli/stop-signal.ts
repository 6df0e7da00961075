import { note } from './print.js';

/**
 * An AbortSignal that SIGINT, SIGTERM and SIGHUP trip. The first one asks: the update stops between two flash
 * operations. The second one is left to the system's own way, for a process that hangs.
 */
export function stopSignal(
  quiet = false,
  names: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): AbortSignal {
  const controller = new AbortController();
  for (const name of names) {
    process.once(name, () => {
      if (!quiet) note(`sluice: ${name}: stopping after the flash operation that is running`);
      controller.abort();
    });
  }
  return controller.signal;
}
